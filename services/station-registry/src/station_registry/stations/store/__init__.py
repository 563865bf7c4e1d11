"""What operators change of stations, and what REST shows of them."""

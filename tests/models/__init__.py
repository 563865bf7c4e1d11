"""Models of the suite's protocols, and the code compared with them."""

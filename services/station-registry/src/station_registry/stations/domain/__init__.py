"""What operators may change of stations."""

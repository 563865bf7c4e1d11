"""What a bill consists of, and when one corrects another."""

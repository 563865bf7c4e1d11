"""What the public events tell: a model of each one's `data`, and the table of them all."""

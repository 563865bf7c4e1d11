"""What the data of each event holds."""

"""What every block knows: a station's own order, and marks of suspect data."""

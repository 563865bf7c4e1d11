"""What a station says of its connectors."""

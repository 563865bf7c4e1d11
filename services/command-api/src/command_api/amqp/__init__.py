"""What this service sends to and takes from the broker."""

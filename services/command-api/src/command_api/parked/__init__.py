"""Messages that could not be handled, of every service."""

"""Numbers and rows of records."""

"""Set-based queries."""

"""The document of a record."""

"""Files that stations upload."""

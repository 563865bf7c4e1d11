"""Rows about uploads, and the folder or the bucket that keeps their bytes."""

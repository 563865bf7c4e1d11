"""Meter values: what identifies one, and where they are stored."""

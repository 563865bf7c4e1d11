"""Boots and registration: whether a station may take part."""

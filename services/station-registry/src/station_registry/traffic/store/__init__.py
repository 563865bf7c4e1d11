"""Statements on recorded frames and refused handshakes."""

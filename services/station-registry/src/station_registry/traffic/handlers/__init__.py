"""Recorded frames and refused handshakes: stored, and shown to operators."""

"""Decisions: pure functions of state and request, without I/O."""

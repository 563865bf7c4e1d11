"""Reservations: what was asked of stations, and what became of it."""

"""Tariffs: what is asked for energy, time, parking and a session."""

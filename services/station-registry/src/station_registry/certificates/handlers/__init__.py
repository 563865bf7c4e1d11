"""Stations' requests, signing and delivery, ends of commands, expiry, what REST asks."""

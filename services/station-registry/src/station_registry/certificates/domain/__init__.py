"""Requests, chains, stores and the built-in authority: what is sound, and what follows."""

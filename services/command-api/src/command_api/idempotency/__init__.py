"""Idempotency keys: what is made for one is made once."""

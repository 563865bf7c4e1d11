"""Alembic scripts of the schema `session`."""

"""Alembic scripts of the schema `integration`."""

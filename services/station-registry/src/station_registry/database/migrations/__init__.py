"""Alembic scripts of the schema `registry`."""

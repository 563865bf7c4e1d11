"""Alembic scripts of the schema `billing`."""

"""Alembic's entry point."""

from csms_shared.db.migrate import run_environment

run_environment()

"""Alembic environment: one call, for the schema that the migration step has chosen."""

from csms_shared.db.migrate import run_environment

run_environment()

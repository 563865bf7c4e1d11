"""Alembic's entry: the service's migrations run as every service's do."""

from csms_shared.db.migrate import run_environment

run_environment()

"""The schema: its migrations, and the tables that every service has."""

from pathlib import Path

SCHEMA = "command"
MIGRATIONS = Path(__file__).parent / "migrations"

"""The schema `registry`: migrations, and what the queries and tables of all blocks stand on."""

from pathlib import Path

SCHEMA = "registry"
MIGRATIONS = Path(__file__).parent / "migrations"

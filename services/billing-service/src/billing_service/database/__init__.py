"""The schema as a whole: metadata, the tables of all blocks, migrations."""

from pathlib import Path

SCHEMA = "billing"
MIGRATIONS = Path(__file__).parent / "migrations"

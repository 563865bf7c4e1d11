"""The schema as a whole: metadata, the tables of all blocks, migrations, upkeep."""

from pathlib import Path

SCHEMA = "integration"
MIGRATIONS = Path(__file__).parent / "migrations"

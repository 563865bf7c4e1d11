"""The schema `registry`: tables, set-based queries per block, migrations."""

from pathlib import Path

SCHEMA = "registry"
MIGRATIONS = Path(__file__).parent / "migrations"

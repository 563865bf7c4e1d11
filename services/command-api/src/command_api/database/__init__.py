"""The schema `command`: migrations, pools, the tables of all blocks, what is deleted when."""

from pathlib import Path

SCHEMA = "command"
MIGRATIONS = Path(__file__).parent / "migrations"

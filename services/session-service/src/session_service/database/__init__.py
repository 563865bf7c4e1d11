"""The schema as a whole: metadata, the tables of all blocks, migrations, upkeep."""

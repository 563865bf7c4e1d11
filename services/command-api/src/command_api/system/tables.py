"""Backups that ended. Rows come by the function `note_backup`, which `csms-backup` calls."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, Uuid, func

from command_api.database.metadata import metadata

backup = Table(
    "backup",
    metadata,
    Column("backup_id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("began_at", DateTime(True), nullable=False),
    Column("ended_at", DateTime(True), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    # The file's name: where its folder is, only who made it knows.
    Column("place", Text, nullable=False),
    # Of the program that made it.
    Column("version", Text, nullable=False),
    Index("backup_by_end", "ended_at"),
)

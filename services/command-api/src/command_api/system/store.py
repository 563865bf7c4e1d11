"""How large the database is, as far as any role of it may know, and which backups of it ended."""

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.system.domain import BackupView, DatabaseSize, SchemaSize
from command_api.system.tables import backup
from csms_shared.db.purging import delete_slice
from csms_shared.values.times import format_time

BACKUPS_SHOWN = 10
BACKUPS_KEPT = 100

_DATABASE = text(
    "SELECT current_setting('server_version') AS version, "
    "pg_database_size(current_database()) AS size_bytes"
)
# What stores rows, with its indexes and its long values; a partitioned table's are its partitions'.
_SCHEMAS = text(
    "SELECT n.nspname AS name, CAST(sum(pg_total_relation_size(c.oid)) AS bigint) AS size_bytes "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') "
    "AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_') "
    "GROUP BY n.nspname ORDER BY n.nspname"
)


async def database_size(connection: AsyncConnection) -> DatabaseSize:
    """Return version and size of the database that this service has a schema in."""
    row = (await connection.execute(_DATABASE)).one()
    schemas = await connection.execute(_SCHEMAS)
    return DatabaseSize(
        version=row.version,
        size_bytes=row.size_bytes,
        schemas=[SchemaSize(name=one.name, size_bytes=one.size_bytes or 0) for one in schemas],
    )


async def newest_backups(connection: AsyncConnection) -> list[BackupView]:
    """Return the backups that ended last, the newest first."""
    newest = select(backup).order_by(backup.c.ended_at.desc()).limit(BACKUPS_SHOWN)
    return [
        BackupView(
            ended_at=format_time(one.ended_at),
            began_at=format_time(one.began_at),
            size_bytes=one.size_bytes,
            place=one.place,
        )
        for one in await connection.execute(newest)
    ]


async def purge_backups(connection: AsyncConnection) -> bool:
    """Forget all but the newest; true where there were any, and may be more."""
    return await delete_slice(
        connection,
        "backup",
        "(SELECT ctid FROM backup ORDER BY ended_at DESC OFFSET :kept) AS older LIMIT :slice",
        kept=BACKUPS_KEPT,
    )

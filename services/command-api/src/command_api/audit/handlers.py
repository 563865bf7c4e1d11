"""Pages of the audit."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.audit.store import AuditFilter, list_entries
from csms_shared.db.cursors import as_int64, as_moment, decode_cursor, encode_cursor
from csms_shared.db.engine import in_transaction
from csms_shared.values.times import format_time


async def list_audit(
    engine: AsyncEngine, wanted: AuditFilter, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Return a page of entries, newest first."""
    before = None
    if cursor is not None:
        at, audit_id = decode_cursor(cursor, as_moment, as_int64)
        before = (at, audit_id)
    found = await in_transaction(
        engine, lambda connection: list_entries(connection, wanted, before, limit + 1)
    )
    shown = found[:limit]
    more = len(found) > limit
    next_cursor = encode_cursor(shown[-1]["at"], shown[-1]["id"]) if more else None
    return {"items": [_view(entry) for entry in shown], "next_cursor": next_cursor}


def _view(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: entry[name] for name in _SHOWN},
        "at": format_time(entry["at"]),
        "actor": entry["principal"],
        "actor_name": entry["principal_name"],
    }


_SHOWN = (
    "id",
    "role",
    "address",
    "request_id",
    "method",
    "path",
    "target_type",
    "target",
    "status",
    "asked",
    "before",
    "after",
    "outcome",
)

"""New commands: everything that arrived while the last insert ran, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.states import CommandRecord
from command_api.commands.store.rows import at
from command_api.commands.tables import commands
from command_api.idempotency.store import Idempotency
from command_api.idempotency.tables import idempotency_keys
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A command to store; of a group, where it is one of many."""

    record: CommandRecord
    idempotency: Idempotency | None
    command_group_id: UUID | None = None


_COMMAND = columns_of(
    commands,
    "command_id",
    "station_id",
    "action",
    "ocpp_version",
    "payload",
    "status",
    "created_by",
    "created_at",
    "deadline",
    "held",
    "attempts",
    "wanted_token",
    "wanted_connector",
    "rotation_proofs",
    "intent",
    "unchecked",
    "tenant_id",
    "command_group_id",
)
_GIVEN = (*_COMMAND, *columns_of(idempotency_keys, "principal", "key", "request_hash"))
# A key older than a day is taken over as if it had never been.
_INSERT = text(
    f"""
    WITH given AS (
        SELECT * FROM {unnest(_GIVEN, "given")}
    ), keyed AS (
        INSERT INTO idempotency_keys AS kept (principal, key, request_hash, command_id, tenant_id)
        SELECT principal, key, request_hash, command_id, tenant_id FROM given
        WHERE key IS NOT NULL ORDER BY principal, key
        ON CONFLICT (principal, key) DO UPDATE
            SET request_hash = excluded.request_hash, command_id = excluded.command_id,
                created_at = excluded.created_at
            WHERE kept.created_at < now() - interval '24 hours'
        RETURNING command_id
    )
    INSERT INTO commands ({names(_COMMAND)})
    SELECT command_id, station_id, action, ocpp_version, payload::json, status, created_by,
        created_at, deadline, held, attempts, wanted_token, wanted_connector,
        rotation_proofs::json, intent::json, unchecked, tenant_id, command_group_id
    FROM given WHERE key IS NULL OR command_id IN (SELECT command_id FROM keyed)
    ORDER BY command_id
    ON CONFLICT DO NOTHING
    RETURNING command_id
    """  # noqa: S608 - constants
)


async def insert_commands(connection: AsyncConnection, batch: Sequence[NewCommand]) -> set[UUID]:
    """Store the commands; return the ids of those that were new.

    Not new: its idempotency key was taken, or the command itself is stored already, or the
    station has one of its group.
    """
    seen: set[tuple[str, str]] = set()
    chosen: list[NewCommand] = []
    for new in batch:
        if new.idempotency is not None:
            name = (new.idempotency.holder, new.idempotency.key)
            if name in seen:
                continue
            seen.add(name)
        chosen.append(new)
    result = await connection.execute(_INSERT, arrays(_GIVEN, map(_row, chosen)))
    return {row.command_id for row in result}


def _row(new: NewCommand) -> tuple[Any, ...]:
    record, key = new.record, new.idempotency
    start = record.awaited_start
    proofs = record.rotation_proofs
    return (
        record.command_id,
        record.station_id,
        record.action,
        record.ocpp_version,
        orjson.dumps(record.payload).decode(),
        record.status.value,
        record.created_by,
        at(record.created_ms),
        at(record.deadline_ms),
        record.held,
        record.attempts,
        *((None, None) if start is None else (start.id_token, start.connector_id)),
        None if proofs is None else orjson.dumps(proofs).decode(),
        None if record.intent is None else orjson.dumps(record.intent).decode(),
        record.unchecked,
        record.tenant_id,
        new.command_group_id,
        *((None, None, None) if key is None else (key.holder, key.key, key.request_hash)),
    )

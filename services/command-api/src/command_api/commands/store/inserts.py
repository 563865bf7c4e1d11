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
from command_api.idempotency.store import Idempotency


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A command to store."""

    record: CommandRecord
    idempotency: Idempotency | None


# A key older than a day is taken over as if it had never been.
_INSERT = text(
    """
    WITH given AS (
        SELECT * FROM unnest(
            CAST(:command_id AS uuid[]), CAST(:station_id AS text[]), CAST(:action AS text[]),
            CAST(:ocpp_version AS text[]), CAST(:payload AS text[]), CAST(:status AS text[]),
            CAST(:created_by AS text[]), CAST(:created_at AS timestamptz[]),
            CAST(:deadline AS timestamptz[]), CAST(:held AS boolean[]),
            CAST(:attempts AS smallint[]), CAST(:wanted_token AS text[]),
            CAST(:wanted_connector AS bigint[]), CAST(:rotation_proofs AS text[]),
            CAST(:principal AS text[]), CAST(:key AS text[]), CAST(:request_hash AS bytea[])
        ) AS given (command_id, station_id, action, ocpp_version, payload, status, created_by,
            created_at, deadline, held, attempts, wanted_token, wanted_connector,
            rotation_proofs, principal, key, request_hash)
    ), keyed AS (
        INSERT INTO idempotency_keys AS kept (principal, key, request_hash, command_id)
        SELECT principal, key, request_hash, command_id FROM given
        WHERE key IS NOT NULL ORDER BY principal, key
        ON CONFLICT (principal, key) DO UPDATE
            SET request_hash = excluded.request_hash, command_id = excluded.command_id,
                created_at = excluded.created_at
            WHERE kept.created_at < now() - interval '24 hours'
        RETURNING command_id
    )
    INSERT INTO commands (command_id, station_id, action, ocpp_version, payload, status,
        created_by, created_at, deadline, held, attempts, wanted_token, wanted_connector,
        rotation_proofs)
    SELECT command_id, station_id, action, ocpp_version, payload::json, status, created_by,
        created_at, deadline, held, attempts, wanted_token, wanted_connector,
        rotation_proofs::json
    FROM given WHERE key IS NULL OR command_id IN (SELECT command_id FROM keyed)
    ORDER BY command_id
    ON CONFLICT (command_id) DO NOTHING
    RETURNING command_id
    """
)


async def insert_commands(connection: AsyncConnection, batch: Sequence[NewCommand]) -> set[UUID]:
    """Store the commands; return the ids of those that were new.

    Not new: its idempotency key was taken, or the command itself is stored already.
    """
    seen: set[tuple[str, str]] = set()
    chosen: list[NewCommand] = []
    for new in batch:
        if new.idempotency is not None:
            name = (new.idempotency.principal, new.idempotency.key)
            if name in seen:
                continue
            seen.add(name)
        chosen.append(new)
    result = await connection.execute(_INSERT, _columns(chosen))
    return {row.command_id for row in result}


def _columns(batch: Sequence[NewCommand]) -> dict[str, list[Any]]:
    records = [new.record for new in batch]
    keys = [new.idempotency for new in batch]
    starts = [record.awaited_start for record in records]
    return {
        "command_id": [record.command_id for record in records],
        "station_id": [record.station_id for record in records],
        "action": [record.action for record in records],
        "ocpp_version": [record.ocpp_version for record in records],
        "payload": [orjson.dumps(record.payload).decode() for record in records],
        "status": [record.status.value for record in records],
        "created_by": [record.created_by for record in records],
        "created_at": [at(record.created_ms) for record in records],
        "deadline": [at(record.deadline_ms) for record in records],
        "held": [record.held for record in records],
        "attempts": [record.attempts for record in records],
        "wanted_token": [start.id_token if start else None for start in starts],
        "wanted_connector": [start.connector_id if start else None for start in starts],
        "rotation_proofs": [
            None
            if record.rotation_proofs is None
            else orjson.dumps(record.rotation_proofs).decode()
            for record in records
        ],
        "principal": [key.principal if key else None for key in keys],
        "key": [key.key if key else None for key in keys],
        "request_hash": [key.request_hash if key else None for key in keys],
    }

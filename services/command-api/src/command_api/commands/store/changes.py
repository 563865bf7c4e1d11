"""Changing commands in sets: lock by id, let the domain decide, write what it decided.

What is due is judged by this service's clock, which set the deadlines, not by the database's.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.states import ATTEMPT_MS, CommandRecord
from command_api.commands.store.rows import COLUMNS, at, command_view, record_of
from command_api.commands.tables import commands
from command_api.database.service_tables import outbox
from csms_shared.broker.topology import COMMAND_COMPLETED_KEY
from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.db.outbox import write_events
from csms_shared.db.row_arrays import arrays, columns_of, unnest
from csms_shared.runtime.clock import utc_now
from csms_shared.service.completed_commands import completed_key
from csms_shared.values.times import format_time_ms

AT_ONCE = 8
_SOURCE = "/csms/command-api"

_LOCK = text(
    f"SELECT {COLUMNS} FROM commands WHERE command_id = ANY(:ids) "  # noqa: S608 - a constant
    "ORDER BY command_id FOR UPDATE"
)
_CHANGE = columns_of(
    commands,
    "command_id",
    "status",
    "attempts",
    "lookup_again",
    "refusal",
    "accepted",
    "response",
    "error",
    "sent_at",
    "completed_at",
)
_UPDATE = text(
    f"""
    UPDATE commands SET
        status = given.status, attempts = given.attempts, lookup_again = given.lookup_again,
        refusal = given.refusal, accepted = given.accepted, response = given.response::json,
        error = given.error::json, sent_at = given.sent_at, completed_at = given.completed_at
    FROM {unnest(_CHANGE, "given")} WHERE commands.command_id = given.command_id
    """  # noqa: S608 - constants
)


async def lock_commands(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, CommandRecord]:
    """Return the commands, locked in the order of their ids."""
    result = await connection.execute(_LOCK, {"ids": sorted(set(ids))})
    return {row.command_id: record_of(row) for row in result}


async def write_changes(connection: AsyncConnection, changed: Sequence[CommandRecord]) -> None:
    """Write locked commands back, and an event for each that is now final."""
    if not changed:
        return
    await connection.execute(_UPDATE, arrays(_CHANGE, map(_change, changed)))
    await write_events(
        connection,
        outbox,
        [
            (
                completed_key(command.ocpp_version, command.action, command.payload),
                _completed(command),
            )
            for command in changed
            if command.status.is_final
        ],
    )


def _change(command: CommandRecord) -> tuple[Any, ...]:
    return (
        command.command_id,
        command.status.value,
        command.attempts,
        command.lookup_again,
        command.refusal,
        command.accepted,
        None if command.response is None else orjson.dumps(command.response).decode(),
        None if command.error is None else orjson.dumps(command.error).decode(),
        at(command.sent_ms),
        at(command.completed_ms),
    )


def _completed(command: CommandRecord) -> CloudEvent:
    completed_ms = command.completed_ms or command.created_ms
    return CloudEvent(
        # An answer after outcome_unknown is a second event of the same command.
        id=event_id("command", str(command.command_id), command.status.value),
        source=_SOURCE,
        type=event_type(COMMAND_COMPLETED_KEY),
        subject=command.station_id,
        time=format_time_ms(completed_ms),
        tenantid=command.tenant_id,
        data=command_view(command),
    )


async def write_prepared(
    connection: AsyncConnection, known: CommandRecord, ready: CommandRecord
) -> bool:
    """Store what is sent of a held command; false where it is not as it was known any more."""
    start = ready.awaited_start
    result = await connection.execute(
        commands.update()
        .where(
            commands.c.command_id == known.command_id,
            commands.c.status == known.status.value,
            commands.c.unchecked == known.unchecked,
            commands.c.attempts == known.attempts,
        )
        .values(
            ocpp_version=ready.ocpp_version,
            action=ready.action,
            payload=ready.payload,
            wanted_token=None if start is None else start.id_token,
            wanted_connector=None if start is None else start.connector_id,
            unchecked=False,
        )
    )
    return result.rowcount > 0


async def lock_overdue(
    connection: AsyncConnection, limit: int, answer_seconds: float
) -> list[CommandRecord]:
    """Return locked commands that should have ended, those in other hands left out.

    Known not to have been written: due at the deadline. Otherwise `answer_seconds` after they
    were written, or could last have been: a held one by the deadline of its attempt.
    """
    result = await connection.execute(
        text(
            f"""
            SELECT {COLUMNS} FROM commands
            WHERE status IN ('waiting', 'pending', 'sent') AND CASE
                WHEN status = 'waiting' OR lookup_again THEN deadline < CAST(:now AS timestamptz)
                ELSE coalesce(sent_at, attempt_deadline, deadline)
                    < CAST(:now AS timestamptz) - make_interval(secs => :answer)
            END
            ORDER BY command_id LIMIT :limit FOR UPDATE SKIP LOCKED
            """  # noqa: S608 - a constant
        ),
        {"limit": limit, "answer": answer_seconds, "now": utc_now()},
    )
    return [record_of(row) for row in result]


async def take_held(
    connection: AsyncConnection,
    ready: Sequence[str],
    restricted: Sequence[str],
    restricted_actions: Sequence[str],
) -> list[CommandRecord]:
    """Move waiting commands of connected stations to `pending` and return them, the oldest first.

    Stations that are `restricted` get none of the `restricted_actions`. At most `AT_ONCE` held
    commands of a station are on their way: a gateway keeps only so many for it, and operators
    want room there. Those that are still to be checked are not taken (`find_unchecked`).
    """
    now = utc_now()
    result = await connection.execute(
        text(
            f"""
            WITH dispatched AS (
                SELECT station_id, count(*) AS commands FROM commands
                WHERE held AND status IN ('pending', 'sent') AND station_id = ANY(:ready)
                GROUP BY station_id
            ), ranked AS (
                SELECT command_id, row_number() OVER (PARTITION BY station_id ORDER BY command_id)
                    + coalesce(dispatched.commands, 0) AS place
                FROM commands LEFT JOIN dispatched USING (station_id)
                WHERE status = 'waiting' AND NOT unchecked
                  AND deadline > CAST(:now AS timestamptz) AND station_id = ANY(:ready)
                  AND NOT (station_id = ANY(:restricted) AND action = ANY(:actions))
            )
            UPDATE commands SET status = 'pending', attempts = least(attempts + 1, 32767),
                attempt_deadline = least(deadline, CAST(:attempt_deadline AS timestamptz))
            WHERE command_id = ANY(ARRAY(
                SELECT command_id FROM commands
                WHERE command_id = ANY(ARRAY(
                        SELECT command_id FROM ranked WHERE place <= :at_once
                        ORDER BY command_id LIMIT 1000))
                  AND status = 'waiting'
                ORDER BY command_id FOR UPDATE))
              AND status = 'waiting'
            RETURNING {COLUMNS}
            """  # noqa: S608 - a constant
        ),
        {
            "ready": list(ready),
            "restricted": list(restricted),
            "actions": list(restricted_actions),
            "now": now,
            "attempt_deadline": now + timedelta(milliseconds=ATTEMPT_MS),
            "at_once": AT_ONCE,
        },
    )
    return sorted((record_of(row) for row in result), key=lambda command: command.command_id)


async def find_unchecked(
    connection: AsyncConnection,
    ready: Sequence[str],
    restricted: Sequence[str],
    restricted_actions: Sequence[str],
    in_hand: Iterable[UUID],
    held_up: Iterable[str],
    limit: int,
) -> list[CommandRecord]:
    """Return waiting commands of connected stations that are to be checked, but for `in_hand`.

    The oldest few of each station, and any of those that are `held_up`: behind what can't be
    checked would be found nothing else. In no order: where there is not room for all, none has it
    for ever.
    """
    result = await connection.execute(
        text(
            f"""
            SELECT {COLUMNS} FROM unnest(CAST(:ready AS text[])) AS ready (station)
            CROSS JOIN LATERAL (
                SELECT * FROM (
                    SELECT * FROM commands
                    WHERE station_id = ready.station AND status = 'waiting' AND unchecked
                      AND deadline > CAST(:now AS timestamptz) AND command_id <> ALL(:in_hand)
                      AND NOT (station_id = ANY(:restricted) AND action = ANY(:actions))
                    -- Found before they are sorted: in the order of their ids stand all commands
                    -- that the station has ever had, and the planner hopes to meet a few soon.
                    OFFSET 0) AS found
                ORDER BY CASE WHEN ready.station = ANY(:held_up) THEN random() END, command_id
                LIMIT :at_once) AS few
            ORDER BY random() LIMIT :limit
            """  # noqa: S608 - a constant
        ),
        {
            "ready": list(ready),
            "restricted": list(restricted),
            "actions": list(restricted_actions),
            "in_hand": list(in_hand),
            "held_up": list(held_up),
            "now": utc_now(),
            "at_once": AT_ONCE,
            "limit": limit,
        },
    )
    return [record_of(row) for row in result]


async def take_lookups(connection: AsyncConnection, ids: Sequence[UUID]) -> list[CommandRecord]:
    """Claim commands that wait for a fresh look-up; each is returned to one caller only."""
    result = await connection.execute(
        text(
            f"""
            UPDATE commands SET lookup_again = false, attempts = attempts + 1
            WHERE command_id IN (
                SELECT command_id FROM commands
                WHERE command_id = ANY(:ids) AND lookup_again AND status = 'pending'
                ORDER BY command_id FOR UPDATE)
            RETURNING {COLUMNS}
            """  # noqa: S608 - a constant
        ),
        {"ids": list(ids)},
    )
    return sorted((record_of(row) for row in result), key=lambda command: command.command_id)


async def find_lookups(connection: AsyncConnection, limit: int) -> list[tuple[UUID, str]]:
    """Return (command id, station id) of commands that wait for a fresh look-up."""
    result = await connection.execute(
        text(
            "SELECT command_id, station_id FROM commands WHERE status = 'pending' "
            "AND lookup_again AND deadline > CAST(:now AS timestamptz) "
            "ORDER BY command_id LIMIT :limit"
        ),
        {"limit": limit, "now": utc_now()},
    )
    return [(row.command_id, row.station_id) for row in result]

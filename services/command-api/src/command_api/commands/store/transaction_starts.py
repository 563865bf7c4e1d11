"""Starts that a remote start may have caused, and linking the two, whichever comes first."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.remote_starts import (
    CLOCK_TOLERANCE_MS,
    WINDOW_MS,
    RemoteStart,
    SeenStart,
    link,
)
from command_api.commands.domain.states import HOLD_MAX_MS, CommandStatus
from command_api.commands.store.rows import at, ms_of
from command_api.commands.tables import transaction_starts
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.id_tokens import token_key

_WINDOW_S = (WINDOW_MS + CLOCK_TOLERANCE_MS) / 1000
# The window counts from when a command was written, which may have been held for that long.
_LONGEST_S = _WINDOW_S + HOLD_MAX_MS / 1000
_START = columns_of(
    transaction_starts,
    "transaction_id",
    "station_id",
    "id_token",
    "connector_id",
    "seen_at",
    "tenant_id",
)
_STORE = text(
    f"""
    INSERT INTO transaction_starts ({names(_START)})
    SELECT DISTINCT ON (transaction_id) {names(_START)} FROM {unnest(_START, "given")}
    WHERE EXISTS (
        SELECT 1 FROM commands
        WHERE commands.station_id = given.station_id
          AND commands.tenant_id = given.tenant_id AND wanted_token IS NOT NULL
          AND commands.transaction_id IS NULL
          AND created_at > given.seen_at - make_interval(secs => :longest)
          AND (completed_at IS NULL OR greatest(created_at, sent_at)
               > given.seen_at - make_interval(secs => :window)))
    ORDER BY transaction_id
    ON CONFLICT (transaction_id) DO NOTHING
    RETURNING station_id
    """  # noqa: S608 - constants
)
_LINK = columns_of(transaction_starts, "command_id", "transaction_id")
_LINK_COMMANDS = text(
    f"UPDATE commands SET transaction_id = d.transaction_id FROM {unnest(_LINK)} "  # noqa: S608
    "WHERE commands.command_id = d.command_id"
)
_LINK_STARTS = text(
    f"UPDATE transaction_starts SET command_id = d.command_id FROM {unnest(_LINK)} "  # noqa: S608
    "WHERE transaction_starts.transaction_id = d.transaction_id"
)


async def store_starts(connection: AsyncConnection, starts: Sequence[SeenStart]) -> list[str]:
    """Keep the starts of stations that were sent a remote start; return those stations.

    A command is committed before it is sent, so one that caused a start is always there.
    """
    rows = [
        (
            start.transaction_id,
            start.station_id,
            start.id_token,
            start.connector_id,
            at(start.seen_ms),
            start.tenant_id,
        )
        for start in starts
    ]
    result = await connection.execute(
        _STORE, {"window": _WINDOW_S, "longest": _LONGEST_S, **arrays(_START, rows)}
    )
    return sorted({row.station_id for row in result})


async def link_starts(connection: AsyncConnection, station_ids: Sequence[str]) -> list[UUID]:
    """Link remote starts of the stations with their transactions; return the commands linked.

    Only accepted commands count, and those of unknown outcome: a rejected one caused nothing.

    Whoever changes a command holds its lock, and whoever stores a start waits here for the locks
    of all that may have caused it: of the two, the one that commits last sees both.
    """
    if not station_ids or not (starts := await _unclaimed(connection, station_ids)):
        # So it is for most commands that end: the start comes after.
        return []
    commands = await _candidates(connection, starts)
    if not commands:
        return []
    # Once more: another may have claimed them before it let the commands go.
    pairs = link(commands, await _unclaimed(connection, station_ids))
    if pairs:
        await _write(connection, pairs)
    return [command.command_id for command, _ in pairs]


async def _unclaimed(connection: AsyncConnection, station_ids: Sequence[str]) -> list[SeenStart]:
    result = await connection.execute(
        text(
            """
            SELECT transaction_id, station_id, id_token, connector_id, seen_at, tenant_id
            FROM transaction_starts
            WHERE station_id = ANY(:stations) AND command_id IS NULL
            ORDER BY transaction_id
            """
        ),
        {"stations": list(station_ids)},
    )
    return [
        SeenStart(
            row.transaction_id,
            row.station_id,
            row.id_token,
            row.connector_id,
            ms_of(row.seen_at),
            row.tenant_id,
        )
        for row in result
    ]


async def _candidates(
    connection: AsyncConnection, starts: Sequence[SeenStart]
) -> list[RemoteStart]:
    """Lock the commands that may have caused one of the starts; return those that may by now.

    A command under way is waited for: its answer may just be being stored.
    """
    seen_ms = [start.seen_ms for start in starts]
    result = await connection.execute(
        text(
            """
            SELECT command_id, tenant_id, station_id, wanted_token, wanted_connector, status,
                greatest(created_at, sent_at) AS created_at
            FROM commands
            WHERE station_id = ANY(:stations)
              AND wanted_token = ANY(:tokens)
              AND wanted_token IS NOT NULL AND transaction_id IS NULL
              AND (accepted OR status = 'outcome_unknown' OR completed_at IS NULL)
              AND created_at > CAST(:first AS timestamptz) - make_interval(secs => :longest)
              AND created_at < CAST(:last AS timestamptz) + make_interval(secs => :tolerance)
            ORDER BY command_id FOR UPDATE
            """
        ),
        {
            "stations": sorted({start.station_id for start in starts}),
            # As releases before kept them, too.
            "tokens": sorted(
                {
                    form
                    for start in starts
                    for form in (token_key(start.id_token), start.id_token.casefold())
                }
            ),
            "first": at(min(seen_ms)),
            "last": at(max(seen_ms)),
            "longest": _LONGEST_S,
            "tolerance": CLOCK_TOLERANCE_MS / 1000,
        },
    )
    return [
        RemoteStart(
            row.command_id,
            row.station_id,
            row.wanted_token,
            row.wanted_connector,
            ms_of(row.created_at),
            row.tenant_id,
        )
        for row in result
        if CommandStatus(row.status).is_final
    ]


async def _write(
    connection: AsyncConnection, pairs: Sequence[tuple[RemoteStart, SeenStart]]
) -> None:
    rows = [(command.command_id, start.transaction_id) for command, start in pairs]
    await connection.execute(_LINK_COMMANDS, arrays(_LINK, rows))
    await connection.execute(_LINK_STARTS, arrays(_LINK, rows))

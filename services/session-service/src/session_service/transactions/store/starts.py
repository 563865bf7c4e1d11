"""Statements on connectors and transactions that StartTransaction needs, for whole batches."""

# ruff: noqa: S608 - statements are joined from constants of this module

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.runtime.clock import monotonic
from session_service.tokens.domain import Authorization, AuthorizationStatus
from session_service.transactions.domain.starts import (
    Place,
    Start,
    StartedTransaction,
    StartLedger,
    TransactionStatus,
)
from session_service.transactions.store.transactions import has_matched_stop
from session_service.transactions.tables import connector, transaction
from session_service.values.stamps import Stamp

_EVSES = columns_of(connector, "station_id", "connector_id", "evse_id")
# Beside other arrays: their names say whose they are.
_PLACES = "unnest(CAST(:stations AS text[]), CAST(:connectors AS bigint[]))"

_ADD_CONNECTORS = text(
    f"INSERT INTO connector ({names(_EVSES)}) SELECT * FROM {unnest(_EVSES)} "
    "ORDER BY station_id, connector_id ON CONFLICT DO NOTHING "
    "RETURNING station_id, connector_id, latest_epoch, latest_seq"
)
_LOCK_CONNECTORS = text(
    "SELECT station_id, connector_id, latest_epoch, latest_seq FROM connector "
    f"WHERE (station_id, connector_id) IN (SELECT * FROM {_PLACES} AS place) "
    "ORDER BY station_id, connector_id FOR UPDATE"
)
# A copy of a start comes late by one session at most; the others are to spare.
_SESSIONS_OF_A_KEY = 3
_COLUMNS = (
    "id, key, station_id, connector_id, token_key, status, authorization_status, "
    "token_expires_at, token_group, epoch, seq, occurrence, boot_count, stop_epoch, stop_seq, "
    "stop_boot_count, stop_matched, flags"
)
_DECIDED_AGO = "CAST(extract(epoch FROM clock_timestamp() - decided_at) AS float8) AS decided_ago_s"
_KEY = columns_of(transaction, "key")
# Locked is what starts can touch: of the sessions with one natural key the last ones, of which
# there is one but for clocks that fall back. What keeps a token busy is only counted: while its
# token is locked, none can be added.
_RELATED = text(
    f"WITH touched AS (SELECT {_COLUMNS}, decided_at FROM transaction WHERE id IN ("
    f"SELECT same.id FROM {unnest(_KEY, 'wanted')} CROSS JOIN LATERAL ("
    "SELECT id FROM transaction WHERE transaction.key = wanted.key "
    f"ORDER BY occurrence DESC LIMIT {_SESSIONS_OF_A_KEY}) AS same UNION "
    "SELECT id FROM transaction WHERE status = 'active' "
    f"AND (station_id, connector_id) IN (SELECT * FROM {_PLACES} AS place)"
    ") ORDER BY id FOR UPDATE) "
    f"SELECT {_COLUMNS}, {_DECIDED_AGO} FROM touched "
    f"UNION ALL SELECT {_COLUMNS}, {_DECIDED_AGO} FROM transaction AS busy "
    "WHERE status = 'active' AND token_key = ANY(:tokens) "
    "AND NOT EXISTS (SELECT FROM touched WHERE touched.id = busy.id)"
)
_TRANSACTION = columns_of(
    transaction,
    "key",
    "station_id",
    "tenant_id",
    "evse_id",
    "connector_id",
    "id_token",
    "token_key",
    "status",
    "authorization_status",
    "token_expires_at",
    "token_group",
    "started_at",
    "started_raw",
    "meter_start",
    "reservation_id",
    "epoch",
    "seq",
    "received_at",
    "occurrence",
    "boot_count",
)
_NEW = (*_TRANSACTION, *columns_of(transaction, "flags", awaited=Boolean()))
# One statement: a start is waited for, and each exchange with the database is waited for too.
# `waiting` tells whether the stations have anything in quarantine, `reserved` whether they held
# reservations lately. The id that a station is given is what it calls the transaction, which keeps
# the site and the tags that the station has now.
_INSERT = text(
    "WITH latest AS (UPDATE connector SET latest_epoch = new.epoch, latest_seq = new.seq "
    "FROM unnest(CAST(:stations AS text[]), CAST(:connectors AS bigint[]), "
    "CAST(:epochs AS bigint[]), CAST(:seqs AS bigint[])) "
    "AS new (station_id, connector_id, epoch, seq) "
    "WHERE connector.station_id = new.station_id AND connector.connector_id = new.connector_id "
    "AND (connector.latest_epoch, connector.latest_seq) < (new.epoch, new.seq)), "
    "inserted AS ("
    f"INSERT INTO transaction (id, station_transaction_id, {names(_TRANSACTION)}, flags, "
    f"decided_at, site_id) SELECT id, CAST(id AS text), {names(_TRANSACTION)}, "
    "CAST(flags AS text[]), CASE WHEN awaited THEN clock_timestamp() END, "
    "(SELECT site_id FROM station_place AS place WHERE (place.tenant_id, place.station_id) "
    "= (new.tenant_id, new.station_id)) "
    "FROM (SELECT CAST(nextval('transaction_id') AS integer) AS id, given.* "
    f"FROM {unnest(_NEW, 'given')}) AS new RETURNING key, occurrence, id, tenant_id, "
    "station_id, started_at), tagged AS ("
    "INSERT INTO transaction_tag (tenant_id, tag, started_at, transaction_id) "
    "SELECT tenant_id, unnest(tags), started_at, id "
    "FROM inserted JOIN station_place USING (tenant_id, station_id)) "
    "SELECT key, occurrence, id, EXISTS (SELECT FROM quarantine WHERE status = 'open' "
    "AND station_id = ANY(:stations)) AS waiting, "
    "EXISTS (SELECT FROM reservation WHERE station_id = ANY(:stations) "
    "AND expires_at > now() - interval '1 day') AS reserved FROM inserted"
)
_SUPERSEDE = text(
    "UPDATE transaction SET status = 'stop_missing' WHERE id = ANY(:ids) AND status = 'active'"
)
_COPY = columns_of(transaction, "id", "epoch", "seq", "received_at", "boot_count")
_EARLIER = text(
    "UPDATE transaction SET epoch = copy.epoch, seq = copy.seq, received_at = copy.received_at, "
    f"boot_count = copy.boot_count FROM {unnest(_COPY, 'copy')} WHERE transaction.id = copy.id"
)


async def lock_connectors(
    connection: AsyncConnection, evses: Mapping[Place, int]
) -> dict[Place, Stamp]:
    """Lock the connectors, made where they are new, and return their newest starts' stamps.

    `evses` has the EVSE that each belongs to.
    """
    given = _place_arrays(evses)
    rows = list(await connection.execute(_LOCK_CONNECTORS, given))
    if len(rows) < len(given["stations"]):
        # Locked from the beginning; what another batch has made meanwhile is not among them.
        rows += await connection.execute(_ADD_CONNECTORS, _evse_arrays(evses))
    if len(rows) < len(given["stations"]):
        rows = list(await connection.execute(_LOCK_CONNECTORS, given))
    return {(row.station_id, row.connector_id): (row.latest_epoch, row.latest_seq) for row in rows}


async def add_connectors(connection: AsyncConnection, evses: Mapping[Place, int]) -> None:
    """Keep connectors that nothing has started at yet, with their EVSEs."""
    await connection.execute(_ADD_CONNECTORS, _evse_arrays(evses))


async def read_related(
    connection: AsyncConnection,
    keys: Iterable[bytes],
    places: Iterable[Place],
    token_keys: Collection[str],
) -> list[StartedTransaction]:
    """Return the transactions that starts can touch (locked) or must count (read)."""
    asked_at = monotonic()
    rows = await connection.execute(
        _RELATED, {"key": list(keys), "tokens": list(token_keys), **_place_arrays(places)}
    )
    return [_started(row, asked_at) for row in rows]


@dataclass(slots=True)
class Surroundings:
    """What the stations of new transactions have besides.

    `waiting`: reports in quarantine. `reserved`: reservations that their starts may have met.
    """

    waiting: bool = False
    reserved: bool = False


async def store_starts(connection: AsyncConnection, ledger: StartLedger) -> Surroundings:
    """Write what a ledger's starts change, and give its new transactions their ids."""
    new = [(ledger.transactions[key], start) for key, start in ledger.new.items()]
    if ledger.superseded:
        await connection.execute(_SUPERSEDE, {"ids": sorted(ledger.superseded)})
    if ledger.earlier:
        copies = [_copy(*each) for each in sorted(ledger.earlier.items())]
        await connection.execute(_EARLIER, arrays(_COPY, copies))
    found = Surroundings()
    if not new:
        return found
    places = sorted({start.place for _, start in new})
    rows = await connection.execute(
        _INSERT,
        arrays(_NEW, [_row(*pair) for pair in new])
        | _place_arrays(places)
        | {
            "epochs": [ledger.latest[place][0] for place in places],
            "seqs": [ledger.latest[place][1] for place in places],
        },
    )
    for row in rows:
        ledger.transactions[row.key, row.occurrence].id = row.id
        found = Surroundings(row.waiting, row.reserved)
    found.reserved |= any(start.reservation_id is not None for _, start in new)
    return found


def _place_arrays(places: Iterable[Place]) -> dict[str, list[Any]]:
    ordered = sorted(set(places))
    return {
        "stations": [station_id for station_id, _ in ordered],
        "connectors": [connector_id for _, connector_id in ordered],
    }


def _evse_arrays(evses: Mapping[Place, int]) -> dict[str, list[Any]]:
    return arrays(_EVSES, ((*place, evses[place]) for place in sorted(evses)))


def _started(row: Any, asked_at: float) -> StartedTransaction:
    has_own_stop = row.stop_epoch is not None and not has_matched_stop(row)
    return StartedTransaction(
        row.key,
        (row.station_id, row.connector_id),
        row.token_key,
        Authorization(
            AuthorizationStatus(row.authorization_status), row.token_expires_at, row.token_group
        ),
        TransactionStatus(row.status),
        (row.epoch, row.seq),
        row.id,
        -math.inf if row.decided_ago_s is None else asked_at - row.decided_ago_s,
        row.occurrence,
        row.boot_count,
        (row.stop_epoch, row.stop_seq) if has_own_stop else None,
        row.stop_boot_count if has_own_stop else None,
    )


def _copy(row_id: int, start: Start) -> tuple[Any, ...]:
    return (row_id, *start.stamp, start.received_at, start.boot_count)


def _row(started: StartedTransaction, start: Start) -> tuple[Any, ...]:
    return (
        started.key,
        start.station_id,
        start.tenant_id,
        start.evse_id,
        start.connector_id,
        start.id_token,
        start.token_key,
        started.status.value,
        started.authorization.status.value,
        started.authorization.expires_at,
        started.authorization.group_id,
        start.started_at,
        start.raw_time,
        start.meter_start,
        start.reservation_id,
        *start.stamp,
        start.received_at,
        started.occurrence,
        start.boot_count,
        "{" + ",".join(sorted(start.flags())) + "}",
        start.awaited,
    )

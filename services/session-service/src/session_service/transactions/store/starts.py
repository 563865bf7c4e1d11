"""Statements on connectors and transactions that StartTransaction needs, for whole batches."""

# ruff: noqa: S608 - statements are joined from constants of this module

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

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
from session_service.values.stamps import Stamp

_PLACES = "unnest(CAST(:stations AS text[]), CAST(:connectors AS bigint[]))"

_ADD_CONNECTORS = text(
    f"INSERT INTO connector (station_id, connector_id) SELECT * FROM {_PLACES} AS place "
    "ORDER BY 1, 2 ON CONFLICT DO NOTHING "
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
# Locked is what starts can touch: of the sessions with one natural key the last ones, of which
# there is one but for clocks that fall back. What keeps a token busy is only counted: while its
# token is locked, none can be added.
_RELATED = text(
    f"WITH touched AS (SELECT {_COLUMNS}, decided_at FROM transaction WHERE id IN ("
    "SELECT same.id FROM unnest(CAST(:keys AS bytea[])) AS wanted (key) CROSS JOIN LATERAL ("
    "SELECT id FROM transaction WHERE transaction.key = wanted.key "
    f"ORDER BY occurrence DESC LIMIT {_SESSIONS_OF_A_KEY}) AS same UNION "
    "SELECT id FROM transaction WHERE status = 'active' "
    f"AND (station_id, connector_id) IN (SELECT * FROM {_PLACES} AS place)"
    ") ORDER BY id FOR UPDATE) "
    f"SELECT {_COLUMNS}, {_DECIDED_AGO} FROM touched "
    f"UNION ALL SELECT {_COLUMNS}, {_DECIDED_AGO} FROM transaction AS busy "
    "WHERE status = 'active' AND token_key = ANY(CAST(:tokens AS text[])) "
    "AND NOT EXISTS (SELECT FROM touched WHERE touched.id = busy.id)"
)
# One statement: a start is waited for, and each exchange with the database is waited for too.
# `waiting` tells whether the stations have anything in quarantine, `reserved` whether they held
# reservations lately.
_INSERT = text(
    "WITH latest AS (UPDATE connector SET latest_epoch = new.epoch, latest_seq = new.seq "
    "FROM unnest(CAST(:stations AS text[]), CAST(:connectors AS bigint[]), "
    "CAST(:epochs AS bigint[]), CAST(:seqs AS bigint[])) "
    "AS new (station_id, connector_id, epoch, seq) "
    "WHERE connector.station_id = new.station_id AND connector.connector_id = new.connector_id "
    "AND (connector.latest_epoch, connector.latest_seq) < (new.epoch, new.seq)), "
    "inserted AS ("
    "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
    "authorization_status, token_expires_at, token_group, started_at, started_raw, meter_start, "
    "reservation_id, epoch, seq, received_at, flags, occurrence, boot_count, decided_at) "
    "SELECT key, station_id, connector_id, id_token, token_key, status, authorization_status, "
    "token_expires_at, token_group, started_at, started_raw, meter_start, reservation_id, epoch, "
    "seq, received_at, CAST(flags AS text[]), occurrence, boot_count, "
    "CASE WHEN awaited THEN clock_timestamp() END "
    "FROM unnest("
    "CAST(:key AS bytea[]), CAST(:station_id AS text[]), CAST(:connector_id AS bigint[]), "
    "CAST(:id_token AS text[]), CAST(:token_key AS text[]), CAST(:status AS text[]), "
    "CAST(:authorization_status AS text[]), CAST(:token_expires_at AS timestamptz[]), "
    "CAST(:token_group AS text[]), CAST(:started_at AS timestamptz[]), "
    "CAST(:started_raw AS text[]), CAST(:meter_start AS bigint[]), "
    "CAST(:reservation_id AS bigint[]), CAST(:epoch AS bigint[]), CAST(:seq AS bigint[]), "
    "CAST(:received_at AS timestamptz[]), CAST(:flags AS text[]), "
    "CAST(:occurrence AS integer[]), CAST(:boot_count AS bigint[]), "
    "CAST(:awaited AS boolean[])) AS new ("
    "key, station_id, connector_id, id_token, token_key, status, authorization_status, "
    "token_expires_at, token_group, started_at, started_raw, meter_start, reservation_id, epoch, "
    "seq, received_at, flags, occurrence, boot_count, awaited) RETURNING key, occurrence, id) "
    "SELECT key, occurrence, id, EXISTS (SELECT FROM quarantine WHERE status = 'open' "
    "AND station_id = ANY(CAST(:stations AS text[]))) AS waiting, "
    "EXISTS (SELECT FROM reservation WHERE station_id = ANY(CAST(:stations AS text[])) "
    "AND expires_at > now() - interval '1 day') AS reserved FROM inserted"
)
_SUPERSEDE = text(
    "UPDATE transaction SET status = 'stop_missing' "
    "WHERE id = ANY(CAST(:ids AS integer[])) AND status = 'active'"
)
_EARLIER = text(
    "UPDATE transaction SET epoch = copy.epoch, seq = copy.seq, received_at = copy.received_at, "
    "boot_count = copy.boot_count "
    "FROM unnest(CAST(:ids AS integer[]), CAST(:epochs AS bigint[]), CAST(:seqs AS bigint[]), "
    "CAST(:received AS timestamptz[]), CAST(:boots AS bigint[])) "
    "AS copy (id, epoch, seq, received_at, boot_count) "
    "WHERE transaction.id = copy.id"
)


async def lock_connectors(
    connection: AsyncConnection, places: Iterable[Place]
) -> dict[Place, Stamp]:
    """Lock the connectors, made where they are new, and return their newest starts' stamps."""
    arrays = _place_arrays(places)
    rows = list(await connection.execute(_LOCK_CONNECTORS, arrays))
    if len(rows) < len(arrays["stations"]):
        # Locked from the beginning; what another batch has made meanwhile is not among them.
        rows += await connection.execute(_ADD_CONNECTORS, arrays)
    if len(rows) < len(arrays["stations"]):
        rows = list(await connection.execute(_LOCK_CONNECTORS, arrays))
    return {(row.station_id, row.connector_id): (row.latest_epoch, row.latest_seq) for row in rows}


async def add_connectors(connection: AsyncConnection, places: Iterable[Place]) -> None:
    """Keep connectors that nothing has started at yet."""
    await connection.execute(_ADD_CONNECTORS, _place_arrays(places))


async def read_related(
    connection: AsyncConnection,
    keys: Iterable[bytes],
    places: Iterable[Place],
    token_keys: Collection[str],
) -> list[StartedTransaction]:
    """Return the transactions that starts can touch (locked) or must count (read)."""
    asked_at = monotonic()
    rows = await connection.execute(
        _RELATED, {"keys": list(keys), "tokens": list(token_keys), **_place_arrays(places)}
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
        await connection.execute(_EARLIER, _earlier_arrays(ledger.earlier))
    found = Surroundings()
    if not new:
        return found
    places = sorted({start.place for _, start in new})
    rows = await connection.execute(
        _INSERT,
        _insert_arrays(new)
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


def _earlier_arrays(earlier: dict[int, Start]) -> dict[str, list[Any]]:
    ids = sorted(earlier)
    return {
        "ids": ids,
        "epochs": [earlier[row_id].stamp[0] for row_id in ids],
        "seqs": [earlier[row_id].stamp[1] for row_id in ids],
        "received": [earlier[row_id].received_at for row_id in ids],
        "boots": [earlier[row_id].boot_count for row_id in ids],
    }


def _insert_arrays(new: Sequence[tuple[StartedTransaction, Start]]) -> dict[str, list[Any]]:
    return {
        "key": [transaction.key for transaction, _ in new],
        "station_id": [start.station_id for _, start in new],
        "connector_id": [start.connector_id for _, start in new],
        "id_token": [start.id_token for _, start in new],
        "token_key": [start.token_key for _, start in new],
        "status": [transaction.status.value for transaction, _ in new],
        "authorization_status": [transaction.authorization.status.value for transaction, _ in new],
        "token_expires_at": [transaction.authorization.expires_at for transaction, _ in new],
        "token_group": [transaction.authorization.group_id for transaction, _ in new],
        "started_at": [start.started_at for _, start in new],
        "started_raw": [start.raw_time for _, start in new],
        "meter_start": [start.meter_start for _, start in new],
        "reservation_id": [start.reservation_id for _, start in new],
        "epoch": [start.stamp[0] for _, start in new],
        "seq": [start.stamp[1] for _, start in new],
        "received_at": [start.received_at for _, start in new],
        # Arrays of arrays have to be rectangular in SQL; a set of plain words is not.
        "flags": ["{" + ",".join(sorted(start.flags())) + "}" for _, start in new],
        "occurrence": [transaction.occurrence for transaction, _ in new],
        "boot_count": [start.boot_count for _, start in new],
        "awaited": [start.awaited for _, start in new],
    }

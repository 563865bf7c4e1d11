"""Statements on transactions and stops that reports and requests need."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Integer, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.numbers import INT32_MAX, parse_integer
from csms_shared.values.tenant_keys import key_without_tenant
from session_service.transactions.domain.matching import LAST_STARTS, Candidates
from session_service.transactions.domain.stops import Named, Stop, Transaction
from session_service.transactions.tables import stop, transaction
from session_service.values.stamps import Stamp
from session_service.values.suspicion import Flag

_COLUMNS = (
    "id, station_transaction_id, key, station_id, tenant_id, evse_id, connector_id, id_token, "
    "token_key, token_group, started_at, meter_start, status, flags, epoch, seq, stop_epoch, "
    "stop_seq, stop_boot_count, stopped_at, meter_stop, stop_reason, stop_id_token, closed_by, "
    "revision, stop_matched"
)
_READ = text(f"SELECT {_COLUMNS} FROM transaction WHERE id = ANY(:ids)")
_LOCK = text(f"SELECT {_COLUMNS} FROM transaction WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
_REPORT = columns_of(transaction, "station_id", "epoch", "seq")
# Of each connector the last starts before each report. A station has not so many connectors.
_CANDIDATES = text(
    f"SELECT {_COLUMNS}, EXISTS (SELECT FROM connector AS other WHERE other.station_id = "
    "transaction.station_id AND other.connector_id > 1) AS several "
    f"FROM transaction WHERE id IN (SELECT recent.id FROM {unnest(_REPORT, 'report')} "
    "CROSS JOIN LATERAL (SELECT connector_id FROM connector "
    "WHERE connector.station_id = report.station_id ORDER BY connector_id LIMIT 64) AS place "
    "CROSS JOIN LATERAL (SELECT id FROM transaction AS started "
    "WHERE started.station_id = report.station_id AND started.connector_id = place.connector_id "
    "AND (started.epoch, started.seq) < (report.epoch, report.seq) "
    "ORDER BY started.epoch DESC, started.seq DESC "
    f"LIMIT {LAST_STARTS}) AS recent)"
)
_END = columns_of(
    transaction,
    "id",
    "status",
    "stop_epoch",
    "stop_seq",
    "stopped_at",
    "meter_stop",
    "stop_reason",
    "stop_id_token",
    "stop_matched",
    "stop_boot_count",
    "flags",
    told=Integer(),
)
_UPDATE = text(
    "UPDATE transaction SET status = new.status, stop_epoch = new.stop_epoch, "
    "stop_seq = new.stop_seq, stopped_at = new.stopped_at, meter_stop = new.meter_stop, "
    "stop_reason = new.stop_reason, stop_id_token = new.stop_id_token, "
    "stop_matched = new.stop_matched, stop_boot_count = new.stop_boot_count, "
    "revision = transaction.revision + new.told, flags = CAST(new.flags AS text[]) "
    f"FROM {unnest(_END, 'new')} WHERE transaction.id = new.id"
)
_LOCK_OPEN = text(
    f"SELECT {_COLUMNS} FROM transaction WHERE id = ANY(:ids) "
    "AND status = :status AND status <> 'completed' ORDER BY id FOR UPDATE SKIP LOCKED"
)
_LOCK_FREE = text(
    "SELECT id FROM transaction WHERE id = ANY(:ids) ORDER BY id FOR UPDATE SKIP LOCKED"
)
_CLOSING = columns_of(
    transaction, "id", "status", "stopped_at", "meter_stop", "stop_reason", "flags"
)
_CLOSE = text(
    "UPDATE transaction SET status = new.status, stopped_at = new.stopped_at, "
    "meter_stop = new.meter_stop, stop_reason = new.stop_reason, closed_by = :closed_by, "
    "revision = transaction.revision + 1, flags = CAST(new.flags AS text[]) "
    f"FROM {unnest(_CLOSING, 'new')} WHERE transaction.id = new.id"
)
_STOP = columns_of(
    stop,
    "connection_id",
    "seq",
    "epoch",
    "transaction_id",
    "received_at",
    "ocpp_version",
    "payload",
)
_ADD_STOPS = text(
    f"INSERT INTO stop ({names(_STOP)}) "
    "SELECT connection_id, seq, epoch, transaction_id, received_at, ocpp_version, "
    f"CAST(payload AS json) FROM {unnest(_STOP, 'new')} "
    "ORDER BY connection_id, seq ON CONFLICT DO NOTHING"
)


async def read_transactions(
    connection: AsyncConnection, ids: Iterable[int]
) -> dict[int, Transaction]:
    """Return the transactions with these ids; ids that can't be ours are passed over."""
    wanted = _possible(ids)
    if not wanted:
        return {}
    rows = await connection.execute(_READ, {"ids": wanted})
    return {row.id: stored_transaction(row) for row in rows}


async def read_named(
    connection: AsyncConnection, named: Collection[Named], tenant_id: str | None = None
) -> dict[Named, Transaction]:
    """Return the transactions that reports name, as they name them; those of a tenant if asked."""
    # All stations call a transaction by our id, so it is found by its key.
    ids = (parse_integer(named_id) for _, named_id in named)
    found = await read_transactions(connection, [number for number in ids if number is not None])
    return {
        one.named: one
        for one in found.values()
        if one.named in named and tenant_id in (None, one.tenant_id)
    }


async def lock_transactions(
    connection: AsyncConnection, ids: Iterable[int]
) -> dict[int, Transaction]:
    """Return the transactions with these ids, locked in the order of their ids."""
    wanted = _possible(ids)
    if not wanted:
        return {}
    rows = await connection.execute(_LOCK, {"ids": wanted})
    return {row.id: stored_transaction(row) for row in rows}


async def read_candidates(
    connection: AsyncConnection,
    reports: Collection[tuple[str, Stamp]],
    tenant_id: str | None = None,
) -> dict[str, Candidates]:
    """Return, by station, the transactions that reports with these stamps may mean.

    Those of a tenant where a request of one asks.
    """
    found: dict[str, list[Transaction]] = {station_id: [] for station_id, _ in reports}
    several: set[str] = set()
    if reports:
        given = [(station_id, *stamp) for station_id, stamp in sorted(set(reports))]
        for row in await connection.execute(_CANDIDATES, arrays(_REPORT, given)):
            if tenant_id in (None, row.tenant_id):
                found[row.station_id].append(stored_transaction(row))
            if row.several:
                several.add(row.station_id)
    return {
        station_id: Candidates(transactions, station_id in several)
        for station_id, transactions in found.items()
    }


async def update_transactions(
    connection: AsyncConnection, changed: Sequence[Transaction], told: Collection[int]
) -> None:
    """Write the ends and flags of transactions that are locked; the ends of some are `told`."""
    if not changed:
        return
    rows = [
        (
            row.id,
            row.status,
            *(row.stop_stamp or (None, None)),
            row.stopped_at,
            row.meter_stop,
            row.stop_reason,
            row.stop_id_token,
            row.stop_matched,
            row.stop_boot_count,
            _flags(row),
            int(row.id in told),
        )
        for row in changed
    ]
    await connection.execute(_UPDATE, arrays(_END, rows))


async def lock_open_transactions(
    connection: AsyncConnection, ids: Iterable[int], status: str
) -> list[Transaction]:
    """Return those that have this status and have not ended, locked; who is locked is left out."""
    rows = await connection.execute(_LOCK_OPEN, {"ids": sorted(ids), "status": status})
    return [stored_transaction(row) for row in rows]


async def lock_free_transactions(connection: AsyncConnection, ids: Iterable[int]) -> set[int]:
    """Lock those of these that nobody else has, and return their ids."""
    rows = await connection.execute(_LOCK_FREE, {"ids": sorted(set(ids))})
    return set(rows.scalars())


async def close_transactions(
    connection: AsyncConnection, closed: Sequence[Transaction], closed_by: str
) -> None:
    """Write the ends of transactions that are locked and that an operator has closed."""
    rows = [
        (row.id, row.status, row.stopped_at, row.meter_stop, row.stop_reason, _flags(row))
        for row in closed
    ]
    await connection.execute(_CLOSE, {"closed_by": closed_by, **arrays(_CLOSING, rows)})


def _flags(row: Transaction) -> str:
    return "{" + ",".join(sorted(row.flags)) + "}"


async def add_stops(connection: AsyncConnection, stops: Sequence[tuple[int, Stop]]) -> None:
    """Keep stops as they were sent; those known already stay as they are."""
    if not stops:
        return
    rows = [
        (
            ended.connection_id,
            ended.stamp[1],
            ended.stamp[0],
            transaction_id,
            ended.received_at,
            ended.ocpp_version,
            orjson.dumps(ended.payload).decode(),
        )
        for transaction_id, ended in stops
    ]
    await connection.execute(_ADD_STOPS, arrays(_STOP, rows))


def stored_transaction(row: Any) -> Transaction:
    """Return a row of `transaction` as the domain knows it."""
    return Transaction(
        id=row.id,
        station_transaction_id=station_transaction_id_of(row),
        key=row.key,
        station_id=row.station_id,
        tenant_id=row.tenant_id,
        evse_id=evse_id_of(row),
        connector_id=row.connector_id,
        id_token=row.id_token,
        token_key=key_without_tenant(row.token_key),
        token_group=row.token_group,
        started_at=row.started_at,
        meter_start=row.meter_start,
        status=row.status,
        flags=frozenset(row.flags),
        stamp=(row.epoch, row.seq),
        stop_stamp=None if row.stop_epoch is None else (row.stop_epoch, row.stop_seq),
        stop_matched=has_matched_stop(row),
        stop_boot_count=row.stop_boot_count,
        stopped_at=row.stopped_at,
        meter_stop=row.meter_stop,
        stop_reason=row.stop_reason,
        stop_id_token=row.stop_id_token,
        closed=row.closed_by is not None,
        revision=row.revision,
    )


def station_transaction_id_of(row: Any) -> str:
    """Return what the station calls the transaction of this row."""
    # Releases before knew OCPP 1.6 only, where that is the id which we gave.
    return str(row.id) if row.station_transaction_id is None else str(row.station_transaction_id)


def evse_id_of(row: Any) -> int:
    """Return the EVSE of this row's transaction."""
    # The same: in OCPP 1.6 each connector is one.
    return int(row.connector_id if row.evse_id is None else row.evse_id)


def has_matched_stop(row: Any) -> bool:
    """Tell whether the best stop of this row did not name the transaction."""
    if row.stop_matched is None:
        # Releases before told it by the flag alone.
        return Flag.MATCHED_WITHOUT_ID in row.flags
    return bool(row.stop_matched)


def _possible(ids: Iterable[int]) -> list[int]:
    return sorted({row_id for row_id in ids if 0 < row_id <= INT32_MAX})

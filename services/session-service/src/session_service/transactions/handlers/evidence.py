"""What operators see of what else was said about a transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.sessions import EvidenceKind, EvidenceView, ListEvidence
from csms_shared.db.cursors import (
    BadCursor,
    as_digest,
    as_int64,
    as_moment,
    decode_cursor,
    encode_cursor,
)
from csms_shared.values.numbers import parse_integer
from csms_shared.values.times import format_time
from session_service.handling.calls import stored_call
from session_service.metering.domain import ENERGY_REGISTER, energy_wh
from session_service.ocpp.stored.reports import STOPS
from session_service.transactions.domain.evidence import Why, any_named, named, why_not_counted
from session_service.transactions.domain.stops import Transaction
from session_service.transactions.handlers.requests import find_transaction
from session_service.transactions.store.evidence import (
    contested_values,
    rivals_of,
    stops_besides,
    value_of,
)
from session_service.transactions.store.transactions import stored_transaction
from session_service.values.stamps import BEFORE_ANY, Stamp
from session_service.values.suspicion import Flag

ValueKey = tuple[datetime, bytes]


async def list_evidence(connection: AsyncConnection, query: ListEvidence) -> Page[EvidenceView]:
    """Return stops that do not count in the order in which they were sent, then values."""
    transaction = stored_transaction(await find_transaction(connection, query))
    after, value_after = _position(query.cursor)
    stops: list[Row[Any]] = []
    if value_after is None:
        best = None if transaction.closed else transaction.stop_stamp
        stops = await stops_besides(
            connection, transaction.id, best, after or BEFORE_ANY, query.limit + 1
        )
        if len(stops) > query.limit:
            stops = stops[: query.limit]
            return Page(
                items=[_stop_view(transaction, row) for row in stops],
                next_cursor=encode_cursor(stops[-1].epoch, stops[-1].seq),
            )
    room = query.limit - len(stops)
    values: list[Row[Any]] = []
    if Flag.VALUES_MATCHED_WITHOUT_ID in transaction.flags:
        values = await contested_values(connection, transaction.id, value_after, room + 1)
    items = [_stop_view(transaction, row) for row in stops]
    items += [
        _value_view(row)
        for row in values[:room]
        if not named(*transaction.named, value_of(row))
        and any_named(*transaction.named, rivals_of(row))
    ]
    return Page(items=items, next_cursor=_next(stops, values, room))


def _next(stops: list[Row[Any]], values: list[Row[Any]], room: int) -> str | None:
    if len(values) <= room:
        return None
    if room == 0:
        return encode_cursor(stops[-1].epoch, stops[-1].seq)
    return encode_cursor(values[room - 1].sampled_at, values[room - 1].digest)


def _position(cursor: str | None) -> tuple[Stamp | None, ValueKey | None]:
    if cursor is None:
        return None, None
    try:
        epoch, seq = decode_cursor(cursor, as_int64, as_int64)
        return (epoch, seq), None
    except BadCursor:
        sampled_at, digest = decode_cursor(cursor, as_moment, as_digest)
        return None, (sampled_at, digest)


def _stop_view(transaction: Transaction, row: Row[Any]) -> EvidenceView:
    read = STOPS.find(row.ocpp_version)
    if read is None:
        return _unread_view(transaction, row)
    stop = read(stored_call(transaction.station_id, transaction.tenant_id, row))
    return EvidenceView(
        kind=EvidenceKind.STOP,
        why=why_not_counted(transaction, stop) or Why.REPEATED,
        received_at=format_time(row.received_at),
        epoch=row.epoch,
        seq=row.seq,
        sent_transaction_id=parse_integer(stop.named_id),
        stopped_at=format_time(stop.stopped_at),
        meter_stop=stop.meter_stop,
        energy_wh=energy_wh(transaction.meter_start, stop.meter_stop),
        stop_reason=stop.reason,
        stop_id_token=stop.id_token,
        ocpp_version=row.ocpp_version,
        payload=row.payload,
    )


def _unread_view(transaction: Transaction, row: Row[Any]) -> EvidenceView:
    return EvidenceView(
        kind=EvidenceKind.STOP,
        why=Why.CLOSED_BY_HAND if transaction.closed else Why.UNKNOWN_VERSION,
        received_at=format_time(row.received_at),
        epoch=row.epoch,
        seq=row.seq,
        ocpp_version=row.ocpp_version,
        payload=row.payload,
    )


def _value_view(row: Row[Any]) -> EvidenceView:
    return EvidenceView(
        kind=EvidenceKind.METER_VALUE,
        why=Why.MATCHED_WITHOUT_ID,
        received_at=format_time(row.received_at),
        timestamp=format_time(row.sampled_at),
        measurand=row.measurand or ENERGY_REGISTER,
        value=row.value,
        unit=row.unit,
        phase=row.phase,
        context=row.context,
        location=row.location,
        format=row.format,
        raw=row.raw,
    )

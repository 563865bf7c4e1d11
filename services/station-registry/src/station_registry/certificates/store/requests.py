"""Requests for certificates: at most one open per station."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.purging import delete_slice
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.ocpp.certificate_chains import MAX_CHAIN_KEY
from station_registry.certificates.domain.deliveries import RequestStatus
from station_registry.certificates.domain.requests import AskingStation
from station_registry.certificates.tables import certificate_request
from station_registry.configuration.domain import key_of
from station_registry.database.sql import at, statement
from station_registry.database.tenants import TENANT_OF_STATION

ENDED_KEPT_DAYS = 30
# Longer than a signer may take: whoever took a request is dead by then.
TAKEN_S = 120

_ASKING = statement(
    "SELECT s.station_id, s.epoch, s.connection_profile, s.registered_serial_number, "
    "(SELECT public_key_digest FROM certificate_request r WHERE r.station_id = s.station_id "
    "AND r.status IN ('accepted', 'signed')) AS open_key_digest FROM station s "
    "WHERE s.station_id = ANY(:ids) AND s.deleted_at IS NULL "
    "ORDER BY s.station_id FOR UPDATE OF s"
)
_ANSWERED = statement(
    "SELECT request_id, status FROM certificate_request WHERE request_id = ANY(:ids)"
)
_ROW = columns_of(
    certificate_request,
    "request_id",
    "station_id",
    "csr",
    "public_key_digest",
    "common_name",
    "organization",
    "status",
    "problem",
    "detail",
    "received_at",
)
_SAVE = statement(
    f"INSERT INTO certificate_request ({names(_ROW)}, tenant_id, next_attempt_at, ended_at) "
    f"SELECT d.*, {TENANT_OF_STATION}, CASE WHEN status = 'accepted' THEN now() END, "
    f"CASE WHEN status = 'rejected' THEN now() END FROM {unnest(_ROW)} "
    "ORDER BY request_id ON CONFLICT (request_id) DO NOTHING"
)
_TAKE = statement(
    "UPDATE certificate_request SET attempts = attempts + 1, "
    f"next_attempt_at = now() + interval '{TAKEN_S} seconds' WHERE request_id IN ("
    "SELECT request_id FROM certificate_request WHERE status = 'accepted' "
    "AND next_attempt_at <= now() ORDER BY next_attempt_at LIMIT :most FOR UPDATE SKIP LOCKED) "
    "RETURNING request_id, station_id, csr, public_key_digest, common_name, organization, "
    "attempts, (SELECT value FROM configuration_value v WHERE v.known "
    "AND v.station_id = certificate_request.station_id AND v.key = :max_chain_key)"
)
_STILL_ACCEPTED = statement(
    "SELECT request_id FROM certificate_request WHERE request_id = :request_id "
    "AND status = 'accepted' FOR UPDATE"
)
_SIGNED = statement(
    "UPDATE certificate_request SET status = 'signed', next_attempt_at = NULL, deliveries = 1, "
    "detail = NULL, fingerprint = :fingerprint, order_id = :order_id WHERE request_id = :request_id"
)
_LATER = statement(
    "UPDATE certificate_request SET next_attempt_at = now() + make_interval(secs => :pause_s), "
    "detail = :detail WHERE request_id = :request_id AND status = 'accepted'"
)
_WAITING = statement(
    "SELECT count(*) AS waiting, (array_agg(detail ORDER BY next_attempt_at DESC))[1] AS detail "
    "FROM certificate_request WHERE status = 'accepted' AND detail IS NOT NULL"
)
_FAILED = statement(
    "UPDATE certificate_request SET status = 'failed', next_attempt_at = NULL, detail = :detail, "
    "ended_at = now() WHERE request_id = :request_id AND status = 'accepted' RETURNING request_id"
)
_LOCK_BY_FINGERPRINT = statement(
    "SELECT request_id, station_id, status, deliveries, order_id, fingerprint, detail "
    "FROM certificate_request WHERE fingerprint = ANY(:fingerprints) "
    "ORDER BY request_id FOR UPDATE"
)
_DELIVERED = columns_of(
    certificate_request,
    "request_id",
    "status",
    "deliveries",
    "order_id",
    "detail",
    ended=Boolean(),
)
_SAVE_DELIVERED = statement(
    "UPDATE certificate_request SET status = d.status, deliveries = d.deliveries, "
    "order_id = d.order_id, detail = d.detail, "
    "ended_at = CASE WHEN d.ended THEN coalesce(ended_at, now()) END "
    f"FROM {unnest(_DELIVERED)} WHERE certificate_request.request_id = d.request_id"
)
_TOO_OLD = (
    "certificate_request WHERE status NOT IN ('accepted', 'signed') "
    f"AND received_at < now() - interval '{ENDED_KEPT_DAYS} days' "
    "ORDER BY received_at LIMIT :slice"
)


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """A row to be: a request with what was decided on it."""

    request_id: UUID
    station_id: str
    csr: str
    public_key_digest: str | None
    common_name: str | None
    organization: str | None
    status: RequestStatus
    problem: str | None
    detail: str | None
    received_ms: int


@dataclass(frozen=True, slots=True)
class DueRequest:
    """A request that was taken to be signed; `max_chain_size` as the station last told it."""

    request_id: UUID
    station_id: str
    csr: str
    public_key_digest: str
    common_name: str
    organization: str
    attempts: int
    max_chain_size: str | None


@dataclass(frozen=True, slots=True)
class DeliveredRequest:
    """A locked request whose certificate a command carried; `detail`: why it is not installed."""

    request_id: UUID
    station_id: str
    status: RequestStatus
    deliveries: int
    order_id: UUID
    fingerprint: str
    detail: str | None


async def lock_asking(
    connection: AsyncConnection, ids: Iterable[str]
) -> dict[str, tuple[int, AskingStation]]:
    """Lock stations; return each with the epoch of the connection its profile is true of."""
    rows = await connection.execute(_ASKING, {"ids": list(ids)})
    return {
        row.station_id: (
            row.epoch,
            AskingStation(
                row.station_id,
                row.connection_profile,
                row.registered_serial_number,
                row.open_key_digest,
            ),
        )
        for row in rows
    }


async def answered(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, RequestStatus]:
    """Return which of these calls were decided before, and where their requests stand."""
    rows = await connection.execute(_ANSWERED, {"ids": list(ids)})
    return {row.request_id: RequestStatus(row.status) for row in rows}


async def save(connection: AsyncConnection, requests: Sequence[AskedRequest]) -> None:
    """Store requests."""
    if requests:
        rows = [
            (
                one.request_id,
                one.station_id,
                one.csr,
                one.public_key_digest,
                one.common_name,
                one.organization,
                one.status.value,
                one.problem,
                one.detail,
                at(one.received_ms),
            )
            for one in requests
        ]
        await connection.execute(_SAVE, arrays(_ROW, rows))


async def waiting(connection: AsyncConnection) -> tuple[int, str | None]:
    """Return how many requests the signer has put off, and what it last said."""
    row = (await connection.execute(_WAITING)).one()
    return row.waiting, row.detail


async def take_due(connection: AsyncConnection, most: int) -> list[DueRequest]:
    """Take requests that wait for a signature; nobody else takes them for `TAKEN_S`."""
    parameters = {"most": most, "max_chain_key": key_of(MAX_CHAIN_KEY)}
    rows = await connection.execute(_TAKE, parameters)
    return [DueRequest(*row) for row in rows]


async def lock_accepted(connection: AsyncConnection, request_id: UUID) -> bool:
    """Lock a request; false where it needs no signature any more."""
    row = (await connection.execute(_STILL_ACCEPTED, {"request_id": request_id})).first()
    return row is not None


async def save_signed(
    connection: AsyncConnection, request_id: UUID, fingerprint: str, order_id: UUID
) -> None:
    """Note that the certificate is on its way to the station."""
    await connection.execute(
        _SIGNED, {"request_id": request_id, "fingerprint": fingerprint, "order_id": order_id}
    )


async def try_later(
    connection: AsyncConnection, request_id: UUID, pause_s: int, detail: str
) -> None:
    """Note why a request was not signed, and when to try again."""
    await connection.execute(
        _LATER, {"request_id": request_id, "pause_s": pause_s, "detail": detail}
    )


async def save_failed(connection: AsyncConnection, request_id: UUID, detail: str) -> bool:
    """Give a request up; false where it had ended already."""
    row = await connection.execute(_FAILED, {"request_id": request_id, "detail": detail})
    return row.first() is not None


async def lock_by_fingerprint(
    connection: AsyncConnection, fingerprints: Iterable[str]
) -> dict[str, DeliveredRequest]:
    """Lock the requests that these certificates were signed for."""
    rows = await connection.execute(_LOCK_BY_FINGERPRINT, {"fingerprints": list(fingerprints)})
    return {
        row.fingerprint: DeliveredRequest(
            row.request_id,
            row.station_id,
            RequestStatus(row.status),
            row.deliveries,
            row.order_id,
            row.fingerprint,
            row.detail,
        )
        for row in rows
    }


async def save_delivered(connection: AsyncConnection, requests: Iterable[DeliveredRequest]) -> None:
    """Store where locked requests stand now."""
    rows: list[Any] = [
        (
            one.request_id,
            one.status.value,
            one.deliveries,
            one.order_id,
            one.detail,
            one.status is not RequestStatus.SIGNED,
        )
        for one in requests
    ]
    if rows:
        await connection.execute(_SAVE_DELIVERED, arrays(_DELIVERED, rows))


async def purge(connection: AsyncConnection) -> bool:
    """Delete ended requests after `ENDED_KEPT_DAYS`, not certificates; true: maybe more."""
    return await delete_slice(connection, "certificate_request", _TOO_OLD)

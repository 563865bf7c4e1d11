"""Certificates as REST shows them."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.certificates import (
    CertificateRequestView,
    CertificateView,
    InstalledCertificateView,
    ListCertificates,
    StationCertificatesView,
)
from csms_shared.contracts.pages import Page
from csms_shared.db.cursors import as_text
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.times import format_time
from station_registry.certificates.domain.installed import UNKNOWN_HASH, Installed
from station_registry.certificates.store import installed as installed_certificates
from station_registry.database.pages import NewestFirst
from station_registry.database.sql import statement
from station_registry.provisioning.store import known_of

_SHOWN = 50

_GET = statement(f"SELECT * FROM certificate WHERE {of_tenant()} AND fingerprint = :fingerprint")
_CERTIFICATES = NewestFirst(
    "certificate",
    time="issued_at",
    id="fingerprint",
    id_kind=as_text,
    id_type="text",
    filters={
        "station_id": "station_id = :station_id",
        "status": "status = :status",
        "revoked": "(revoked_at IS NOT NULL) = :revoked",
        "expires_within_days": "not_after < now() + make_interval(days => :expires_within_days)",
    },
)
_REQUESTS = statement(
    f"SELECT * FROM certificate_request WHERE {of_tenant()} AND station_id = :station_id "
    f"ORDER BY received_at DESC, request_id DESC LIMIT {_SHOWN}"
)


async def get_certificate(
    connection: AsyncConnection, tenant_id: str, fingerprint: str
) -> CertificateView | None:
    """Return one certificate of a tenant."""
    named = {"tenant_id": tenant_id, "fingerprint": fingerprint}
    row = (await connection.execute(_GET, named)).first()
    return None if row is None else _certificate(row)


async def list_certificates(
    connection: AsyncConnection, query: ListCertificates
) -> Page[CertificateView]:
    """Return certificates that stations were given, newest first."""
    return await _CERTIFICATES.page(connection, query, _certificate)


async def of_station(
    connection: AsyncConnection, tenant_id: str, station_id: str
) -> StationCertificatesView | None:
    """Return what is known of a station's certificates; None where its tenant has no such one."""
    if not await known_of(connection, tenant_id, [station_id]):
        return None
    named = {"tenant_id": tenant_id, "station_id": station_id}
    own = await list_certificates(
        connection, ListCertificates(tenant_id=tenant_id, station_id=station_id, limit=_SHOWN)
    )
    requests = await connection.execute(_REQUESTS, named)
    state = await installed_certificates.load(connection, [station_id])
    return StationCertificatesView(
        station_id=station_id,
        certificates=own.items,
        requests=[_request(row) for row in requests],
        installed=_present(state.certificates.values()),
        listed_at={type_: format_time(at) for (_, type_), (at, _) in state.listed.items()},
    )


def _present(certificates: Iterable[Installed]) -> list[InstalledCertificateView]:
    shown = [one for one in certificates if one.present]
    return [
        InstalledCertificateView(
            certificate_type=one.certificate_type,
            hash_algorithm=one.hash_data.hash_algorithm,
            issuer_name_hash=_known(one.hash_data.issuer_name_hash),
            issuer_key_hash=_known(one.hash_data.issuer_key_hash),
            serial_number=one.hash_data.serial_number,
            subject=one.certificate and one.certificate.subject,
            not_after=one.certificate and format_time(one.certificate.not_after),
            certificate=one.certificate and one.certificate.pem,
            changed_at=format_time(one.stamp[0]),
        )
        for one in sorted(shown, key=lambda one: (one.certificate_type, one.stamp))
    ]


def _known(digest: str) -> str | None:
    return None if digest == UNKNOWN_HASH else digest


def _certificate(row: Any) -> CertificateView:
    return CertificateView(
        certificate_id=row.fingerprint,
        station_id=row.station_id,
        source=row.source,
        status=row.status,
        serial_number=row.serial_number,
        subject=row.subject,
        issuer=row.issuer,
        not_before=format_time(row.not_before),
        not_after=format_time(row.not_after),
        issued_at=format_time(row.issued_at),
        installed_at=_time(row.installed_at),
        revoked_at=_time(row.revoked_at),
        revocation_reason=row.revocation_reason,
        certificate=row.pem,
    )


def _request(row: Any) -> CertificateRequestView:
    return CertificateRequestView(
        request_id=str(row.request_id),
        status=row.status,
        common_name=row.common_name,
        organization=row.organization,
        problem=row.problem,
        detail=row.detail,
        received_at=format_time(row.received_at),
        ended_at=_time(row.ended_at),
        certificate_id=row.fingerprint,
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)

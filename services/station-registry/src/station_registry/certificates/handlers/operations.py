"""What REST asks of certificates: the operations of `CERTIFICATE_OPERATIONS`."""

from functools import partial

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.certificates import (
    AuthorityQuery,
    AuthorityView,
    CertificateName,
    CertificatesOfStation,
    CertificateView,
    FindInstalled,
    HashDataView,
    RevocationListView,
    RevokeCertificate,
    StationCertificatesView,
)
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.engine import RequestHandler, transactional
from csms_shared.db.tenancy import RequestEngines
from csms_shared.runtime.clock import now_ms
from csms_shared.values.texts import is_storable
from csms_shared.values.times import format_time
from station_registry.certificates.domain.details import normal_serial, pem_of
from station_registry.certificates.domain.installed import UNKNOWN_HASH
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority
from station_registry.certificates.handlers.signers import SignerAway
from station_registry.certificates.store import certificates
from station_registry.certificates.store import installed as installed_certificates
from station_registry.certificates.store import requests as certificate_requests
from station_registry.certificates.store import views as certificate_views
from station_registry.database.telling import tell
from station_registry.events import fact
from station_registry.provisioning.store import known_of


def certificate_operations(
    engines: RequestEngines, authority: BuiltInAuthority | None
) -> dict[str, RequestHandler]:
    """Return who handles each operation; the authority is the deployment's."""
    engine, of_all = engines.of_tenant, engines.of_all
    return {
        "certificates.list": transactional(engine, certificate_views.list_certificates),
        "certificates.get": transactional(engine, _get),
        "certificates.revoke": transactional(engine, _revoke),
        "certificates.of_station": transactional(engine, _of_station),
        "certificates.hash_data": transactional(engine, _hash_data),
        "certificate_authority.get": transactional(of_all, partial(_authority, authority)),
        "certificate_authority.crl": transactional(of_all, partial(_crl, authority)),
    }


async def signing_warnings(
    connection: AsyncConnection, authority: BuiltInAuthority | None
) -> dict[str, str]:
    """Return why stations get no certificates now, by the name of what is wrong."""
    warnings = {}
    if authority is not None and (problem := await authority.problem(connection)):
        warnings["certificate_authority"] = problem
    count, said = await certificate_requests.waiting(connection)
    if count:
        warnings["certificate_signer"] = f"{count} requests for certificates wait: {said}"
    return warnings


async def _get(connection: AsyncConnection, name: CertificateName) -> CertificateView:
    wanted = _storable(name.certificate_id)
    view = await certificate_views.get_certificate(connection, name.tenant_id, wanted)
    if view is None:
        raise _not_found(f"certificate {name.certificate_id}")
    return view


async def _revoke(connection: AsyncConnection, wanted: RevokeCertificate) -> CertificateView:
    named = CertificateName(tenant_id=wanted.tenant_id, certificate_id=wanted.certificate_id)
    await _get(connection, named)
    revoked = await certificates.revoke(connection, wanted.certificate_id, wanted.reason)
    view = await _get(connection, named)
    if revoked is None:
        raise refuse(409, "already_revoked", f"it was revoked at {view.revoked_at}")
    await tell(
        connection,
        [
            fact(
                "certificate.revoked",
                revoked.station_id,
                (wanted.certificate_id,),
                now_ms(),
                certificate_id=wanted.certificate_id,
                serial_number=revoked.serial_number,
                revoked_at=format_time(revoked.revoked_at),
                reason=wanted.reason,
            )
        ],
    )
    return view


async def _of_station(
    connection: AsyncConnection, query: CertificatesOfStation
) -> StationCertificatesView:
    found = await certificate_views.of_station(
        connection, query.tenant_id, _storable(query.station_id)
    )
    if found is None:
        raise _not_found(f"station {query.station_id}")
    return found


async def _hash_data(connection: AsyncConnection, query: FindInstalled) -> HashDataView:
    known = await known_of(connection, query.tenant_id, [query.station_id])
    state = await installed_certificates.load(connection, known)
    serial = normal_serial(query.serial_number)
    found = [
        one
        for one in state.certificates.values()
        if one.present
        and one.hash_data.serial_number == serial
        and query.certificate_type in (None, one.certificate_type)
    ]
    if not found:
        raise _not_found(f"certificate {serial} known in the store of {query.station_id}")
    if len({one.hash_data for one in found}) > 1:
        raise refuse(
            409,
            "ambiguous_serial_number",
            "several certificates have this serial number; send DeleteCertificate with the hashes",
        )
    data = found[0].hash_data
    if data.issuer_key_hash == UNKNOWN_HASH:
        raise refuse(
            409,
            "hash_data_unknown",
            "only the station can tell its hashes: send GetInstalledCertificateIds first",
        )
    return HashDataView(
        hashAlgorithm=data.hash_algorithm,
        issuerNameHash=data.issuer_name_hash,
        issuerKeyHash=data.issuer_key_hash,
        serialNumber=data.serial_number,
    )


async def _authority(
    authority: BuiltInAuthority | None, connection: AsyncConnection, _: AuthorityQuery
) -> AuthorityView:
    try:
        opened, described = await _set_up(authority).opened(connection)
    except SignerAway as away:
        raise refuse(503, "authority_unusable", str(away)) from away
    return AuthorityView(
        fingerprint=described.fingerprint,
        subject=described.subject,
        not_before=format_time(described.not_before),
        not_after=format_time(described.not_after),
        certificates=pem_of([opened.certificate, *opened.above]),
    )


async def _crl(
    authority: BuiltInAuthority | None, connection: AsyncConnection, _: AuthorityQuery
) -> RevocationListView:
    try:
        crl = await _set_up(authority).crl(connection)
    except SignerAway as away:
        raise refuse(503, "authority_unusable", str(away)) from away
    return RevocationListView(crl=crl.public_bytes(Encoding.PEM).decode("ascii"))


def _set_up(authority: BuiltInAuthority | None) -> BuiltInAuthority:
    if authority is None:
        raise refuse(404, "no_authority", "the built-in certificate authority is not set up")
    return authority


def _storable(text: str) -> str:
    if not is_storable(text):
        raise _not_found(repr(text))
    return text


def _not_found(what: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no {what}")

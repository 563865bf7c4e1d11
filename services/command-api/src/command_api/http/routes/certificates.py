"""Stations' certificates, the root certificates in their stores, the built-in authority."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.commands.handlers.creation import CommandRequest
from command_api.commands.store.rows import command_view
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import (
    Administrator,
    StationAdministrator,
    StationViewer,
    Viewer,
)
from command_api.http.answers.documents import LOCATED, Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, StationId, given
from command_api.http.routes.commands import (
    TIMEOUT_DEFAULT_S,
    WAIT_DEFAULT_S,
    WAIT_MAX_S,
    CommandView,
)
from command_api.http.state import ask_registry, state_of
from command_api.ocpp.v16.rest import delete_certificate
from csms_shared.contracts.certificates import (
    AuthorityView,
    CertificateStatus,
    CertificateView,
    RevocationReason,
    StationCertificatesView,
)
from csms_shared.contracts.pages import Page
from csms_shared.values.flags import FlagText
from csms_shared.values.numbers import NumberText, WholeText

router = APIRouter(tags=["certificates"], route_class=AuditedRoute)

CertificateId = Annotated[
    str, Path(min_length=1, max_length=64, description="hexadecimal SHA-256 of the certificate")
]
_PEM = "application/x-pem-file"


class Revocation(BaseModel):
    """Why the certificate counts no longer."""

    model_config = ConfigDict(extra="forbid")

    reason: RevocationReason = "unspecified"


class RootDeletion(BaseModel):
    """Which root certificate the station is to delete."""

    model_config = ConfigDict(extra="forbid")

    serial_number: str = Field(
        min_length=1, max_length=40, pattern="^[0-9A-Fa-f]+$", description="hexadecimal"
    )
    certificate_type: str | None = Field(None, max_length=50)


@router.get("/certificates", response_model=Page[CertificateView], summary="List certificates")
async def list_certificates(
    request: Request,
    _: Viewer,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    status: CertificateStatus | None = None,
    revoked: FlagText | None = None,
    expires_within_days: Annotated[int, WholeText(0, 36_500)] | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return the certificates that stations were given, newest first."""
    parameters = given(
        station_id=station_id,
        status=status,
        revoked=revoked,
        expires_within_days=expires_within_days,
        limit=limit,
        cursor=cursor,
    )
    return Json(await ask_registry(request, "certificates.list", parameters))


@router.get(
    "/certificates/{certificate_id:segment}",
    response_model=CertificateView,
    summary="Get a certificate",
)
async def get_certificate(request: Request, _: Viewer, certificate_id: CertificateId) -> Response:
    """Return one certificate, with its PEM."""
    return Json(await ask_registry(request, "certificates.get", {"certificate_id": certificate_id}))


@router.post(
    "/certificates/{certificate_id:segment}/revoke",
    response_model=CertificateView,
    summary="Revoke a certificate",
    responses={409: {"description": "The certificate is revoked already."}},
)
async def revoke_certificate(
    request: Request,
    _: Administrator,
    certificate_id: CertificateId,
    body: Revocation | None = None,
) -> Response:
    """Put the certificate on the revocation list, for good. Twice is 409."""
    reason = body.reason if body is not None else "unspecified"
    parameters = {"certificate_id": certificate_id, "reason": reason}
    return Json(await ask_registry(request, "certificates.revoke", parameters))


@router.get(
    "/certificate-authority",
    response_model=AuthorityView,
    summary="The built-in authority",
    responses={404: {"description": "The built-in authority is not set up."}},
)
async def get_authority(request: Request, _: Viewer) -> Response:
    """Return the built-in authority's certificate; it is made at the first call, if need be."""
    return Json(await ask_registry(request, "certificate_authority.get", {}))


@router.get(
    "/certificate-authority/crl",
    summary="The revocation list",
    response_class=Response,
    responses={
        200: {"content": {_PEM: {}}, "description": "CRL in PEM, valid for seven days"},
        404: {"description": "The built-in authority is not set up."},
    },
)
async def get_crl(request: Request, _: Viewer) -> Response:
    """Return the built-in authority's revocation list, made anew."""
    found = await ask_registry(request, "certificate_authority.crl", {})
    return Response(found["crl"], media_type=_PEM)


@router.get(
    "/stations/{station_id:segment}/certificates",
    response_model=StationCertificatesView,
    summary="A station's certificates",
)
async def station_certificates(
    request: Request, _: StationViewer, station_id: StationId
) -> Response:
    """Return the station's own certificates and requests, and what is in its root store."""
    return Json(await ask_registry(request, "certificates.of_station", {"station_id": station_id}))


@router.post(
    "/stations/{station_id:segment}/certificates/delete",
    response_model=CommandView,
    summary="Delete a root certificate by its serial number",
    responses={
        200: LOCATED,
        202: {
            "model": CommandView,
            "description": "The command has not ended within `wait`.",
            **LOCATED,
        },
        409: {
            "description": "The station is rejected, several certificates have this serial "
            "number, or only the station knows the hashes."
        },
        429: {"description": "Too many commands wait already."},
    },
)
async def delete_root(
    request: Request,
    administrator: StationAdministrator,
    station_id: StationId,
    body: RootDeletion,
    wait: Annotated[float, NumberText(0, WAIT_MAX_S)] = WAIT_DEFAULT_S,
) -> Response:
    """Send DeleteCertificate with the hash data that is known of the certificate."""
    parameters = {"station_id": station_id, **body.model_dump(exclude_none=True)}
    action, payload = delete_certificate(
        await ask_registry(request, "certificates.hash_data", parameters)
    )
    command = await state_of(request).commands.create(
        CommandRequest(
            principal=administrator,
            station_id=station_id,
            action=action,
            payload=payload,
            body=orjson.dumps(payload),
            wait_s=wait,
            timeout_s=TIMEOUT_DEFAULT_S,
            hold_until_ms=None,
            idempotency_key=None,
        )
    )
    return Json(
        command_view(command),
        200 if command.status.is_final else 202,
        {"Location": f"/api/v1/commands/{command.command_id}"},
    )

"""Stations, their connectors and their passwords."""

import asyncio
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from command_api.commands.domain.password_rotation import length_problem
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import (
    Administrator,
    PlatformAdministrator,
    ScopedViewer,
    StationAdministrator,
    StationViewer,
)
from command_api.http.answers.documents import Json, no_content
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, StationId, given
from command_api.http.routes.refusals import ExplainedRefusal, explained
from command_api.http.routes.station_bodies import (
    NewHardware,
    NewPassword,
    NewStation,
    StationChange,
    StationTenant,
)
from command_api.http.state import (
    ApiState,
    ask_registry,
    ask_session_service,
    require_taken,
    state_of,
)
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.hardware import ConnectorHardwareView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import outside_scope, refuse
from csms_shared.contracts.stations import (
    ConnectorView,
    RegistrationStatus,
    StationDescription,
    StationView,
)
from csms_shared.ocpp.credentials import credential_proofs
from csms_shared.values.flags import FlagText
from csms_shared.values.numbers import INT32_MAX, WholeText

router = APIRouter(prefix="/stations", tags=["stations"], route_class=AuditedRoute)

# 20 bytes as OCPP carries them: hexadecimal, at the greatest length that stations take.
_GENERATED_BYTES = 20
_NOT_NULL = ("registration_status", "security_profile", "strict", "exempt_from_limits", "tags")
# By which a station is in a scope.
_PLACE = {"site_id", "tags"}
_DESCRIPTION = (*StationDescription.model_fields, "tags")

ConnectorId = Annotated[
    int, WholeText(1, INT32_MAX), Path(description="not 0, which is the station itself")
]


class SingleStation(StationView):
    """A station, and why it was last refused, if it was."""

    last_refusal: ExplainedRefusal | None


class PasswordAnswer(BaseModel):
    """The password, shown this once."""

    station_id: str
    password: str


@router.get("", response_model=Page[StationView], summary="List stations")
async def list_stations(
    request: Request,
    _: ScopedViewer,
    online: FlagText | None = None,
    registration_status: RegistrationStatus | None = None,
    vendor: Annotated[str | None, Query(max_length=255)] = None,
    site_id: Annotated[str | None, Query(max_length=255)] = None,
    tag: Annotated[str | None, Query(max_length=255)] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=255,
            description="part of id, vendor, model, serial number or display name",
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return stations; `transaction_id` of connectors is on the single station only."""
    page = await ask_registry(
        request,
        "stations.list",
        given(
            online=online,
            registration_status=registration_status,
            vendor=vendor,
            site_id=site_id,
            tag=tag,
            q=q,
            limit=limit,
            cursor=cursor,
        ),
    )
    for station in page["items"]:
        for connector in station["connectors"]:
            connector.pop("transaction_id", None)
    return Json(page)


@router.post(
    "",
    response_model=StationView,
    status_code=201,
    summary="Create a station",
    responses={409: {"description": "There is such a station, or another has this serial number."}},
)
async def create_station(request: Request, _: Administrator, body: NewStation) -> Response:
    """Create a station, with a password or without."""
    state = state_of(request)
    parameters = body.model_dump(mode="json", exclude={"password"})
    if body.password is not None:
        parameters["credential_proofs"] = _proofs(state, body.station_id, body.password)
    created = await state.services.ask(STATION_REGISTRY, "stations.create", parameters)
    state.owners.forget(body.station_id)
    require_taken(created, [name for name in _DESCRIPTION if parameters[name]])
    return Json(created, 201)


@router.get("/{station_id:segment}", response_model=SingleStation, summary="Get a station")
async def get_station(request: Request, _: StationViewer, station_id: StationId) -> Response:
    """Return a station with its connection and connectors."""
    station, transactions = await asyncio.gather(
        ask_registry(request, "stations.get", {"station_id": station_id}),
        _open_transactions(request, station_id),
    )
    _merge(station["connectors"], transactions)
    if station.get("last_refusal") is not None:
        station["last_refusal"] = explained(station["last_refusal"])
    return Json(station)


@router.patch(
    "/{station_id:segment}",
    response_model=StationView,
    summary="Change a station",
    responses={409: {"description": "Another station has this serial number."}},
)
async def change_station(
    request: Request,
    administrator: StationAdministrator,
    station_id: StationId,
    body: StationChange,
) -> Response:
    """Change what is given; who is limited to sites or tags changes neither of a station."""
    if administrator.scope is not None and _PLACE & body.model_fields_set:
        raise outside_scope()
    for name in _NOT_NULL:
        if name in body.model_fields_set and getattr(body, name) is None:
            raise refuse(422, "validation_failed", f"{name} has no null", (name, "is not null"))
    parameters = {
        "station_id": station_id,
        "set": sorted(body.model_fields_set),
        **body.model_dump(mode="json", exclude_unset=True),
    }
    changed = await ask_registry(request, "stations.change", parameters)
    state_of(request).owners.forget(station_id)
    return Json(changed)


@router.put(
    "/{station_id:segment}/tenant",
    response_model=StationView,
    summary="Give a station to another tenant",
    responses={409: {"description": "The tenant has no room for it."}},
)
async def move_station(
    request: Request, _: PlatformAdministrator, station_id: StationId, body: StationTenant
) -> Response:
    """Disconnect a station of the tenant that is acted for, and give it to another.

    What happened stays where it happened; one that is that tenant's already stays as it is.
    """
    parameters = {
        "station_id": station_id,
        "set": ["to_tenant_id"],
        "to_tenant_id": body.tenant_id,
    }
    moved = await ask_registry(request, "stations.change", parameters)
    state_of(request).owners.forget(station_id)
    return Json(moved)


@router.delete(
    "/{station_id:segment}",
    status_code=204,
    summary="Delete a station",
    responses={409: {"description": "A transaction of the station is open."}},
)
async def delete_station(
    request: Request, _: StationAdministrator, station_id: StationId
) -> Response:
    """Delete a station and close its socket; its history stays. 409 while it charges."""
    transactions = await _open_transactions(request, station_id)
    if transactions:
        raise refuse(
            409,
            "open_transaction",
            f"transaction {min(transactions.values())} of {station_id} is open",
        )
    await ask_registry(request, "stations.delete", {"station_id": station_id})
    state_of(request).owners.forget(station_id)
    return no_content()


@router.put(
    "/{station_id:segment}/password", response_model=PasswordAnswer, summary="Set the password"
)
async def set_password(
    request: Request,
    _: StationAdministrator,
    station_id: StationId,
    body: NewPassword | None = None,
) -> Response:
    """Set the station's password, or generate one; it is in this answer and nowhere else."""
    password = body.password if body is not None else None
    if password is None:
        password = secrets.token_hex(_GENERATED_BYTES)
    proofs = _proofs(state_of(request), station_id, password)
    await ask_registry(
        request,
        "stations.set_password",
        {"station_id": station_id, "credential_proofs": proofs},
    )
    return Json(
        {"station_id": station_id, "password": password}, headers={"Cache-Control": "no-store"}
    )


@router.get(
    "/{station_id:segment}/connectors",
    response_model=Page[ConnectorView],
    summary="A station's connectors",
)
async def list_connectors(request: Request, _: StationViewer, station_id: StationId) -> Response:
    """Return the connectors as last reported, with their open transactions."""
    connectors, transactions = await asyncio.gather(
        ask_registry(request, "stations.connectors", {"station_id": station_id}),
        _open_transactions(request, station_id),
    )
    _merge(connectors, transactions)
    return Json({"items": connectors, "next_cursor": None})


@router.get(
    "/{station_id:segment}/connectors/{connector_id}/hardware",
    response_model=ConnectorHardwareView,
    summary="Get a connector's hardware",
)
async def get_hardware(
    request: Request, _: StationViewer, station_id: StationId, connector_id: ConnectorId
) -> Response:
    """Return what operators have said of a connector, reported by its station or not."""
    parameters = {"station_id": station_id, "connector_id": connector_id}
    return Json(await ask_registry(request, "connector_hardware.get", parameters))


@router.put(
    "/{station_id:segment}/connectors/{connector_id}/hardware",
    response_model=ConnectorHardwareView,
    summary="Set a connector's hardware",
)
async def set_hardware(
    request: Request,
    _: StationAdministrator,
    station_id: StationId,
    connector_id: ConnectorId,
    body: NewHardware,
) -> Response:
    """Say what a connector is made of: its plug, and how much power it gives at most.

    It may be said before the station reports the connector, which is listed from its report on.
    """
    name = {"station_id": station_id, "connector_id": connector_id}
    parameters = {**name, **body.model_dump(mode="json")}
    return Json(await ask_registry(request, "connector_hardware.set", parameters))


async def _open_transactions(request: Request, station_id: str) -> dict[str, int]:
    found: dict[str, int] = await ask_session_service(
        request, "transactions.open", {"station_id": station_id}
    )
    return found


def _merge(connectors: list[dict[str, Any]], transactions: dict[str, int]) -> None:
    for connector in connectors:
        connector["transaction_id"] = transactions.get(str(connector["connector_id"]))


def _proofs(state: ApiState, station_id: str, password: str) -> list[str]:
    problem = length_problem(password, state.min_password_length)
    if problem is not None:
        raise refuse(422, "validation_failed", f"password {problem}", ("password", problem))
    return list(credential_proofs(state.pepper, station_id, password.encode()))

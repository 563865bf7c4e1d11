"""Reservations of connectors."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.authentication import require_station
from command_api.http.access.declarations import ScopedOperator, ScopedViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.requests.schema_rules import NOT_BLANK
from command_api.http.state import ask_registry, ask_session_service
from csms_shared.contracts.pages import Page
from csms_shared.contracts.reservations import ID_TOKEN_MAX, ReservationStatus, ReservationView
from csms_shared.values.numbers import INT32_MAX, Whole, WholeText
from csms_shared.values.times import Expiry

router = APIRouter(prefix="/reservations", tags=["reservations"], route_class=AuditedRoute)

ReservationId = Annotated[int, WholeText(1, INT32_MAX)]


class NewReservation(BaseModel):
    """What is to be kept, for whom and until when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "station_id": "CS-1",
                    "connector_id": 1,
                    "id_token": "04A1B2C3D4",
                    "expires_at": "2026-11-21T18:00:00Z",
                }
            ]
        },
    )

    station_id: str = Field(min_length=1, max_length=255)
    connector_id: Annotated[int, Whole(0, INT32_MAX)] = Field(
        description="0 is any one of the station"
    )
    id_token: str = Field(min_length=1, max_length=ID_TOKEN_MAX, pattern=NOT_BLANK)
    group_id: str | None = Field(
        None, min_length=1, max_length=ID_TOKEN_MAX, description="tokens of this group may use it"
    )
    expires_at: Expiry = Field(description="in the future")


@router.get("", response_model=Page[ReservationView], summary="List reservations")
async def list_reservations(
    request: Request,
    _: ScopedViewer,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    status: ReservationStatus | None = None,
    id_token: Annotated[str | None, Query(max_length=255)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return reservations, newest first."""
    parameters = given(
        station_id=station_id, status=status, id_token=id_token, limit=limit, cursor=cursor
    )
    return Json(await ask_session_service(request, "reservations.list", parameters))


@router.post(
    "",
    response_model=ReservationView,
    status_code=201,
    summary="Reserve a connector",
    responses={404: {"description": "There is no such station."}},
)
async def create_reservation(
    request: Request,
    principal: ScopedOperator,
    body: NewReservation,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ask the station for a reservation; it is `pending` until the station has answered."""
    await require_station(request, principal, body.station_id)

    async def make(command_id: UUID) -> dict[str, Any]:
        station = {"station_id": body.station_id}
        await ask_registry(request, "stations.get", station)
        parameters = {
            **body.model_dump(mode="json"),
            "created_by": principal.name,
            "command_id": str(command_id),
        }
        made: dict[str, Any] = await ask_session_service(request, "reservations.create", parameters)
        return made

    _, made = await made_once(
        request,
        principal,
        idempotency_key,
        make,
        lambda command_id: ask_session_service(
            request, "reservations.find", {"command_id": str(command_id)}
        ),
    )
    return Json(made, 201)


@router.get("/{reservation_id}", response_model=ReservationView, summary="Get a reservation")
async def get_reservation(
    request: Request, _: ScopedViewer, reservation_id: ReservationId
) -> Response:
    """Return one reservation."""
    return Json(
        await ask_session_service(request, "reservations.get", {"reservation_id": reservation_id})
    )


@router.post(
    "/{reservation_id}/cancel",
    response_model=ReservationView,
    summary="Cancel a reservation",
    responses={409: {"description": "The reservation has ended."}},
)
async def cancel_reservation(
    request: Request, principal: ScopedOperator, reservation_id: ReservationId
) -> Response:
    """Have the station give it up; 409 where it has ended."""
    parameters = {"reservation_id": reservation_id, "cancelled_by": principal.name}
    return Json(await ask_session_service(request, "reservations.cancel", parameters))

"""Tariffs, and what sessions would cost by them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.costs.domain import SimulatedCost
from command_api.costs.handlers import checked
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator, Operator, Viewer
from command_api.http.answers.documents import LOCATED, Json, no_content
from command_api.http.requests.body_route import BodyRoute
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given, utc_text
from command_api.http.state import ask_billing_service
from csms_shared.contracts.billing import (
    READINGS_MAX,
    STATUSES_MAX,
    TariffName,
    TariffView,
)
from csms_shared.contracts.pages import Page
from csms_shared.values.json_texts import is_deeper_than
from csms_shared.values.numbers import INT32_MAX, Number, Whole, WholeText
from csms_shared.values.places import TimeZone
from csms_shared.values.times import Moment

router = APIRouter(prefix="/tariffs", tags=["tariffs"], route_class=AuditedRoute)
# It changes nothing.
simulations = APIRouter(prefix="/tariffs", tags=["tariffs"], route_class=BodyRoute)

_ENERGY: dict[str, Any] = {
    "price_components": [{"type": "ENERGY", "price": 0.45, "vat": 19, "step_size": 1}]
}
_PARKING: dict[str, Any] = {
    "price_components": [{"type": "PARKING_TIME", "price": 6, "vat": 19, "step_size": 60}],
    "restrictions": {"min_duration": 14_400, "start_time": "08:00", "end_time": "22:00"},
}
_EXAMPLE: dict[str, Any] = {
    "name": "Harbour",
    "tariff": {"currency": "EUR", "elements": [_ENERGY, _PARKING]},
}
_AT = "2026-11-20T{}:00Z"
Version = Annotated[int, WholeText(1, INT32_MAX)]
WattHours = Annotated[float, Number(0, 1e12)]


# The tariff, its elements, each one's prices, each price, and room for what OCPI may add.
_LEVELS_MAX = 16


def _shallow(tariff: dict[str, Any]) -> dict[str, Any]:
    if is_deeper_than(_LEVELS_MAX, tariff):
        raise ValueError(f"nested deeper than {_LEVELS_MAX} levels")
    return tariff


class TariffBody(BaseModel):
    """A tariff of OCPI 2.2.1 (`mod_tariffs`) without the ids that the suite gives.

    Prices are without VAT, per kWh, per hour and per session; `vat` is in percent.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: TariffName
    tariff: Annotated[dict[str, Any], AfterValidator(_shallow)]


class RegisterReading(BaseModel):
    """What the register showed, in Wh."""

    model_config = ConfigDict(extra="forbid")

    at: Moment
    energy_wh: WattHours


class ConnectorStatus(BaseModel):
    """What the station said of its connector, as OCPP spells it: `SuspendedEVSE` counts."""

    model_config = ConfigDict(extra="forbid")

    at: Moment
    status: str = Field(min_length=1, max_length=50)


class SimulatedSession(BaseModel):
    """A session that was, or might be. Registers are in Wh.

    Without `version` the newest version of the tariff counts.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "started_at": _AT.format("08:00"),
                    "stopped_at": _AT.format("13:00"),
                    "time_zone": "Europe/Berlin",
                    "meter_start": 0,
                    "meter_stop": 22_000,
                    "readings": [{"at": _AT.format("10:00"), "energy_wh": 22_000}],
                }
            ]
        },
    )

    started_at: Moment
    stopped_at: Moment
    time_zone: TimeZone
    meter_start: WattHours
    meter_stop: WattHours
    readings: list[RegisterReading] = Field(default_factory=list, max_length=READINGS_MAX)
    status: list[ConnectorStatus] = Field(default_factory=list, max_length=STATUSES_MAX)
    version: Annotated[int, Whole(1, INT32_MAX)] | None = None


@router.get("", response_model=Page[TariffView], summary="List tariffs")
async def list_tariffs(
    request: Request,
    _: Viewer,
    q: Annotated[str | None, Query(max_length=255, description="part of the name")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return tariffs in their newest versions, newest first."""
    return Json(await _ask(request, "list", given(q=q, limit=limit, cursor=cursor)))


@router.post(
    "",
    response_model=TariffView,
    status_code=201,
    responses={201: LOCATED},
    summary="Create a tariff",
)
async def create_tariff(
    request: Request,
    administrator: Administrator,
    body: TariffBody,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Create a tariff; sessions cost by it once it is assigned.

    Numbers are kept exactly as they are written. What is wrong is named by its field:
    `tariff.elements[0].restrictions.max_kwh`.
    """

    async def make(tariff_id: UUID) -> dict[str, Any]:
        wanted = {
            "tariff_id": str(tariff_id),
            **body.model_dump(),
            "created_by": administrator.name,
        }
        made: dict[str, Any] = await _ask(request, "create", wanted)
        return made

    tariff_id, made = await made_once(
        request,
        administrator,
        idempotency_key,
        make,
        lambda id: _ask(request, "get", {"tariff_id": str(id)}),
    )
    return Json(made, 201, {"Location": f"/api/v1/tariffs/{tariff_id}"})


@router.get("/{tariff_id}", response_model=TariffView, summary="Get a tariff")
async def get_tariff(
    request: Request, _: Viewer, tariff_id: UUID, version: Version | None = None
) -> Response:
    """Return a tariff in its newest version, or in the one that is named."""
    return Json(await _ask(request, "get", given(tariff_id=str(tariff_id), version=version)))


@router.put("/{tariff_id}", response_model=TariffView, summary="Change a tariff")
async def change_tariff(
    request: Request, administrator: Administrator, tariff_id: UUID, body: TariffBody
) -> Response:
    """Make a new version, by which sessions cost that begin from now on.

    Where nothing is changed there is none.
    """
    wanted = {
        "tariff_id": str(tariff_id),
        **body.model_dump(),
        "changed_by": administrator.name,
    }
    return Json(await _ask(request, "change", wanted))


@router.delete(
    "/{tariff_id}",
    status_code=204,
    summary="Delete a tariff",
    responses={409: {"description": "It is assigned."}},
)
async def delete_tariff(request: Request, _: Administrator, tariff_id: UUID) -> Response:
    """Delete a tariff that is not assigned; what was billed by it stays as it is."""
    await _ask(request, "delete", {"tariff_id": str(tariff_id)})
    return no_content()


@simulations.post(
    "/{tariff_id}/simulate", response_model=SimulatedCost, summary="Simulate a session"
)
async def simulate(
    request: Request, _: Operator, tariff_id: UUID, body: SimulatedSession
) -> Response:
    """Return what a session of these facts costs by the tariff; nothing is stored."""
    session = given(
        tariff_id=str(tariff_id),
        version=body.version,
        started_at=utc_text(body.started_at),
        stopped_at=utc_text(body.stopped_at),
        time_zone=body.time_zone,
        meter_start=body.meter_start,
        meter_stop=body.meter_stop,
        readings=[{"at": utc_text(one.at), "energy_wh": one.energy_wh} for one in body.readings],
        statuses=[{"at": utc_text(one.at), "status": one.status} for one in body.status],
    )
    return Json(checked(await _ask(request, "simulate", session)))


async def _ask(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    return await ask_billing_service(request, f"tariffs.{operation}", parameters)

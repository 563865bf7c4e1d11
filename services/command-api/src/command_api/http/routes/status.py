"""The suite at a glance, and the open connections of stations."""

import importlib.metadata
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from command_api.http.access.declarations import EveryViewer, ScopedViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.state import ask_registry, state_of
from command_api.ports import ServiceAway
from csms_shared.contracts.pages import Page
from csms_shared.contracts.stations import ConnectionView, GatewayView
from csms_shared.db.engine import why_away
from csms_shared.runtime.clock import now_ms
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.times import format_time_ms

router = APIRouter(tags=["status"])

VERSION = importlib.metadata.version("csms-command-api")


class Status(BaseModel):
    """The suite at a glance. `broker`, `database`, `station_registry`: `up` or `down`.

    What the registry would know is null while it does not answer. Users and keys of `default` are
    told of the whole deployment, and who asks for another tenant of its stations: `gateways` and
    `warnings` are null then. Who is limited to sites or tags is told of neither.
    `stations_online` are surely online; of `stations_unconfirmed` it is not known: their gateways
    are `unconfirmed`.
    `warnings`: by name, what is wrong although everything is up.
    """

    version: str
    time: str
    broker: str
    database: str
    station_registry: str
    stations: int | None
    stations_online: int | None
    stations_unconfirmed: int | None
    gateways: list[GatewayView] | None
    warnings: dict[str, str] | None


@router.get("/status", response_model=Status, summary="The suite at a glance")
async def get_status(request: Request, viewer: EveryViewer) -> Response:
    """Always 200: what is down is what one wants to see here."""
    state = state_of(request)
    of_all = viewer.is_of_deployment and viewer.acts_for == DEFAULT_TENANT
    fleet: dict[str, Any] | None = None
    if state.broker_is_up():
        try:
            fleet = await ask_registry(request, "fleet.status" if of_all else "fleet.counts", {})
        except ServiceAway:
            fleet = None
    shown = fleet if viewer.scope is None else None
    deployment = shown if of_all else None
    return Json(
        {
            "version": VERSION,
            "time": format_time_ms(now_ms()),
            "broker": _up(state.broker_is_up()),
            "database": _up(await why_away(state.engine) is None),
            "station_registry": _up(fleet is not None),
            "stations": shown and shown["stations"],
            "stations_online": shown and shown["stations_online"],
            "stations_unconfirmed": shown and shown.get("stations_unconfirmed"),
            "gateways": deployment and deployment["gateways"],
            # A registry of the version before says nothing of them.
            "warnings": deployment and deployment.get("warnings", {}),
        }
    )


def _up(up: bool) -> str:
    return "up" if up else "down"


@router.get("/connections", response_model=Page[ConnectionView], summary="Open connections")
async def list_connections(
    request: Request, _: ScopedViewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Return the stations' open connections, newest first."""
    return Json(await ask_registry(request, "connections.list", given(limit=limit, cursor=cursor)))

"""Messages that the services' own code could not process."""

from dataclasses import replace
from typing import Annotated, ClassVar

from fastapi import APIRouter, Path, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import DeploymentViewer, PlatformAdministrator
from command_api.http.answers.documents import Json, no_content
from command_api.http.requests.idempotency import IdempotencyKey
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit
from command_api.http.routes.bulk_actions import BulkBody, bulk_answer, chosen_by
from command_api.http.state import state_of
from command_api.parked.handlers import ParkingService, Which
from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.contracts.pages import Page, ParkedFilter, ParkedView
from csms_shared.values.flags import Flag, FlagText
from csms_shared.values.times import Moment

router = APIRouter(prefix="/parked", tags=["parked"], route_class=AuditedRoute)

_FILTERS = ("service", "queue", "type", "station_id", "error", "from", "to")

ItemId = Annotated[str, Path(min_length=1, max_length=255)]


class ParkedBody(BulkBody):
    """Parked messages, by the filters of the list."""

    filters: ClassVar[tuple[str, ...]] = _FILTERS
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"service": SESSION_SERVICE, "to": "2026-11-20T00:00:00Z"}],
            **chosen_by(*_FILTERS),
        }
    )

    service: ParkingService | None = None
    queue: str | None = Field(None, max_length=255)
    type: str | None = Field(None, max_length=255)
    station_id: str | None = Field(None, max_length=255)
    # Any error has nothing in it.
    error: str | None = Field(None, min_length=1, max_length=255, description="part of the error")
    from_: Moment | None = Field(None, alias="from", description="parked from")
    to: Moment | None = Field(None, description="parked before")

    def which(self) -> Which:
        """Return which they are."""
        return Which(
            self.service,
            ParkedFilter(
                queue=self.queue,
                type=self.type,
                station_id=self.station_id,
                error=self.error,
                parked_from=self.from_,
                parked_to=self.to,
            ),
        )


class ParkedDeletion(ParkedBody):
    """Messages to delete."""

    filters: ClassVar[tuple[str, ...]] = (*_FILTERS, "replayed")
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"replayed": True}],
            **chosen_by(*_FILTERS, "replayed"),
        }
    )

    replayed: Flag | None = Field(None, description="whether they were put back since")


@router.get("", response_model=Page[ParkedView], summary="List parked messages")
async def list_parked(
    request: Request,
    _: DeploymentViewer,
    service: ParkingService | None = None,
    queue: Annotated[str | None, Query(max_length=255)] = None,
    type: Annotated[str | None, Query(max_length=255)] = None,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    error: Annotated[str | None, Query(max_length=255, description="part of the error")] = None,
    replayed: Annotated[
        FlagText | None, Query(description="whether they were put back since")
    ] = None,
    from_: Annotated[Moment | None, Query(alias="from", description="parked from")] = None,
    to: Annotated[Moment | None, Query(description="parked before")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return parked messages, service by service, each newest first."""
    which = Which(
        service,
        ParkedFilter(
            queue=queue,
            type=type,
            station_id=station_id,
            error=error,
            parked_from=from_,
            parked_to=to,
        ),
        replayed,
    )
    return Json(await state_of(request).parked.list_page(which, limit, cursor))


@router.post("/bulk/replay", response_model=BulkOutcome, summary="Replay many parked messages")
async def replay_many(
    request: Request,
    principal: PlatformAdministrator,
    body: ParkedBody,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Put messages that were not put back yet into their queues, service by service."""
    parked, which = state_of(request).parked, body.which()
    return await bulk_answer(
        request,
        principal,
        idempotency_key,
        body,
        lambda order, action_id: parked.replay_many(which, order, action_id),
    )


@router.post("/bulk/delete", response_model=BulkOutcome, summary="Delete many parked messages")
async def delete_many(
    request: Request,
    principal: PlatformAdministrator,
    body: ParkedDeletion,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Delete messages for good, service by service."""
    parked, which = state_of(request).parked, replace(body.which(), replayed=body.replayed)
    return await bulk_answer(
        request,
        principal,
        idempotency_key,
        body,
        lambda order, action_id: parked.delete_many(which, order, action_id),
    )


@router.post("/{item_id:segment}/replay", status_code=204, summary="Replay a parked message")
async def replay(request: Request, _: PlatformAdministrator, item_id: ItemId) -> Response:
    """Put the message back into its queue."""
    await state_of(request).parked.replay(item_id)
    return no_content()


@router.delete("/{item_id:segment}", status_code=204, summary="Delete a parked message")
async def delete(request: Request, _: PlatformAdministrator, item_id: ItemId) -> Response:
    """Delete the message for good."""
    await state_of(request).parked.delete(item_id)
    return no_content()

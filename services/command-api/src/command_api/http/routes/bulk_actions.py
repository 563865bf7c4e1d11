"""Bulk actions: what their bodies have in common, and how they are asked for and noted."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from command_api.accounts.domain.roles import Principal
from command_api.bulk.handlers import BULK_MAX, BulkOrder, nothing_made
from command_api.http.access.audited_route import note_outcome
from command_api.http.answers.documents import Json
from command_api.http.answers.problems import problem_of, with_member
from command_api.http.requests.idempotency import made_once
from command_api.http.requests.parameters import CURSOR_RULE
from command_api.http.requests.schema_rules import Schema, given
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.values.flags import Flag
from csms_shared.values.numbers import Whole

_COUNTS = ("matched", "done", "failed")


def chosen_by(*names: str) -> Schema:
    """Return what holds where one of these filters is given, or `all` is true."""
    everything = {"required": ["all"], "properties": {"all": {"const": True}}}
    return {"anyOf": [*(given(name) for name in names), everything]}


class BulkBody(BaseModel):
    """How much of what a filter finds.

    `filters` are the fields of which one is needed, or `all`: nothing is done to everything by
    leaving something out.
    """

    model_config = ConfigDict(extra="forbid")
    filters: ClassVar[tuple[str, ...]] = ()

    all: Flag = Field(False, description="true: needed where no filter is given")
    limit: Annotated[int, Whole(1, BULK_MAX)] = Field(
        BULK_MAX, description="how many items at most in this call"
    )
    cursor: str | None = Field(
        None,
        description="`next_cursor` of the call before, with the same filters",
        json_schema_extra=CURSOR_RULE,
    )
    dry_run: Flag = Field(False, description="true: count what matches, and change nothing")

    @model_validator(mode="after")
    def _chosen(self) -> "BulkBody":
        if not self.all and self.model_dump(by_alias=True, exclude_none=True).keys().isdisjoint(
            self.filters
        ):
            raise ValueError("names nothing: give a filter, or all: true")
        return self


async def bulk_answer(
    request: Request,
    principal: Principal,
    key: str | None,
    body: BulkBody,
    act: Callable[[BulkOrder, UUID], Awaitable[BulkOutcome]],
) -> Response:
    """Do what is asked for once for its idempotency key; note what it is, and what came of it.

    Where a later batch is refused or not answered, the problem says what was done before.
    """
    done: BulkOutcome | None = None

    def note(so_far: BulkOutcome) -> None:
        nonlocal done
        done = so_far
        note_outcome(request, {name: getattr(so_far, name) for name in _COUNTS})

    order = BulkOrder(body.limit, body.cursor, body.dry_run, note)

    async def make(action_id: UUID) -> dict[str, Any]:
        return (await act(order, action_id)).model_dump(mode="json")

    try:
        _, outcome = await made_once(request, principal, key, make, nothing_made)
    except Exception as error:
        if done is None:
            raise
        problem = await problem_of(request, error)
        return with_member(problem, "outcome", done.model_dump(mode="json"))
    return Json(outcome)

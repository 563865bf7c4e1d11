"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header)."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Header, Request

from command_api.accounts.domain.roles import Principal
from command_api.http.state import state_of
from command_api.idempotency.handlers import KeyedRequest, Made

PATTERN = r"^[\x21-\x7e]{1,255}$"
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=PATTERN,
        description="the same key with the same request returns what it made, for 24 hours",
    ),
]


async def made_once(
    request: Request,
    principal: Principal,
    key: str | None,
    make: Callable[[UUID], Awaitable[Made]],
    find: Callable[[UUID], Awaitable[Made]],
) -> tuple[UUID, Made]:
    """Make what is asked for under a new id, or return what its key has made.

    Raises:
        ProblemRaised: it is refused, or 422: the key was used for another request.
    """
    keyed = (
        None
        if key is None
        else KeyedRequest(
            principal.acts_for, principal.id, key, request.scope["path"], await request.body()
        )
    )
    return await state_of(request).creations.once(keyed, make, find)

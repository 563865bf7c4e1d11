"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header)."""

from typing import Annotated

from fastapi import Header, Request

from command_api.domain.roles import Principal
from command_api.handlers.idempotent_creation import KeyedRequest

PATTERN = r"^[\x21-\x7e]{1,255}$"
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=PATTERN,
        description="the same key with the same request returns what it made, for 24 hours",
    ),
]


async def keyed_request(
    request: Request, principal: Principal, key: str | None
) -> KeyedRequest | None:
    """Return the request as its key names it, None where it has none."""
    if key is None:
        return None
    return KeyedRequest(principal.id, key, request.scope["path"], await request.body())

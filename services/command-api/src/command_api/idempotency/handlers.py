"""Things of other services, made once for an idempotency key.

The key stands for an id, stored before the other service is asked. Asked with the same id it makes
nothing twice, so a request whose answer was lost can be repeated until it has one.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.idempotency.store import (
    Idempotency,
    KnownKey,
    find_key,
    give_up_key,
    renew_key,
    take_key,
)
from command_api.ports import ServiceAway
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import now_ms

Made = dict[str, Any]

# Each but the last found the key as somebody else gave it up or took it at that moment.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an idempotency key; `path` and `body` as they were sent."""

    tenant_id: str
    principal: str
    key: str
    path: str
    body: bytes


class IdempotentCreation:
    """Remembers keys for a day, in the same table as those of commands."""

    def __init__(self, engine: AsyncEngine, secret: bytes) -> None:
        self._engine = engine
        self._secret = secret

    async def once(
        self,
        keyed: KeyedRequest | None,
        make: Callable[[UUID], Awaitable[Made]],
        find: Callable[[UUID], Awaitable[Made]],
    ) -> tuple[UUID, Made]:
        """Make the thing under a new id, or return what the key has made.

        `find` refuses with 404 where there is no such thing (yet). What is refused leaves its key
        free, unless another request with it may be about to make something.

        Raises:
            ProblemRaised: it is refused, or 422: the key was used for another request.
            ServiceAway: others take the key and give it up, again and again.
        """
        new_id = new_command_id(now_ms())
        if keyed is None:
            return new_id, await make(new_id)
        idempotency = self._idempotency(keyed)
        for _ in range(_ATTEMPTS):
            known = await self._known(idempotency)
            if known is None:
                since = await self._take(idempotency, new_id)
                if since is not None:
                    return new_id, await self._make_first(idempotency, new_id, since, make)
            elif not hmac.compare_digest(known.request_hash, idempotency.request_hash):
                raise key_reused()
            else:
                id = known.id
                made = await _found(id, find)
                if made is not None:
                    return id, made
                if await self._renew(idempotency, id):
                    return id, await _make_again(id, make, find)
        raise ServiceAway("the idempotency key is being used by others")

    async def _make_first(
        self,
        idempotency: Idempotency,
        id: UUID,
        since: datetime,
        make: Callable[[UUID], Awaitable[Made]],
    ) -> Made:
        try:
            return await make(id)
        except ProblemRaised:
            # Others may be at it with the same key: it stays theirs.
            await in_transaction(
                self._engine, lambda connection: give_up_key(connection, idempotency, id, since)
            )
            raise

    def _idempotency(self, keyed: KeyedRequest) -> Idempotency:
        # Keyed, because the body may hold what nobody is to guess from its digest.
        digest = hmac.digest(self._secret, orjson.dumps([keyed.path]) + keyed.body, "sha256")
        return Idempotency(keyed.tenant_id, keyed.principal, keyed.key, digest)

    async def _known(self, idempotency: Idempotency) -> KnownKey | None:
        return await in_transaction(
            self._engine, lambda connection: find_key(connection, idempotency)
        )

    async def _take(self, idempotency: Idempotency, new_id: UUID) -> datetime | None:
        return await in_transaction(
            self._engine, lambda connection: take_key(connection, idempotency, new_id)
        )

    async def _renew(self, idempotency: Idempotency, id: UUID) -> bool:
        return await in_transaction(
            self._engine, lambda connection: renew_key(connection, idempotency, id)
        )


async def _make_again(
    id: UUID,
    make: Callable[[UUID], Awaitable[Made]],
    find: Callable[[UUID], Awaitable[Made]],
) -> Made:
    """Make what an earlier request may be making too: what that has made is no refusal's."""
    try:
        return await make(id)
    except ProblemRaised:
        # The key stays taken, because the earlier one may have what is refused now.
        made = await _found(id, find)
        if made is None:
            raise
        return made


async def _found(id: UUID, find: Callable[[UUID], Awaitable[Made]]) -> Made | None:
    try:
        return await find(id)
    except ProblemRaised as refused:
        if refused.problem.status != 404:
            raise
    return None


def key_reused() -> ProblemRaised:
    """Return the refusal of a key that stands for another request."""
    return refuse(
        422,
        "idempotency_key_reused",
        "the idempotency key was used for another request",
        ("Idempotency-Key", "was used with another path or body"),
    )

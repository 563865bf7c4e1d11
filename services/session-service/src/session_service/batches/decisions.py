"""The calls of a batch of the decisions queue: what tokens are worth, and starts."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.read_calls import Answer, Call, CallKey, answer
from csms_shared.runtime.clock import utc_now
from session_service.handling.side_features import SideFeature, beside_the_record
from session_service.quarantine.handlers.reconciling import reconcile_started
from session_service.reservations.handlers.judging import judge_started
from session_service.tokens.domain import TokenQuestion, authorization_of, is_free_vend
from session_service.tokens.store.tokens import read_tokens
from session_service.transactions.domain.starts import Start
from session_service.transactions.handlers.starts import StartOutcome, start_transactions

_Asked = Call[TokenQuestion | Start]
Decide = Callable[[AsyncConnection, Sequence[_Asked]], Awaitable[list[Answer[Any]]]]


class Decisions:
    """Decides the calls of batches of the decisions queue.

    Starts left undecided for a moment (`hold`) are in `held` after the batch has committed.
    `free_vend`: who identifies with nothing may charge. Nobody waits for an answer past its
    deadline: such a start is applied and not answered.
    """

    def __init__(self, *, free_vend: bool = False) -> None:
        self.held: set[CallKey] = set()
        self.hold = True
        self._free_vend = free_vend

    async def decide(
        self, connection: AsyncConnection, calls: Sequence[_Asked]
    ) -> list[Answer[Any]]:
        """Decide the calls of a batch in its transaction.

        The answer to a question is an `Authorization`, that to a start its `StartedTransaction`.
        """
        now = utc_now()
        now_ms = int(now.timestamp() * 1000)
        self.held.difference_update(call.key for call in calls)
        starts = [(call, call.value) for call in calls if isinstance(call.value, Start)]
        asked = [
            (call, call.value.token_key) for call in calls if isinstance(call.value, TokenQuestion)
        ]
        starting = {start.token_key for _, start in starts if not is_free_vend(start.token_key)}
        tokens = await read_tokens(connection, [key for _, key in asked], starting=starting)
        started = await start_transactions(
            connection, starts, tokens, now, hold=self.hold, free_vend=self._free_vend
        )
        await _go_on(connection, started)
        self.held.update(call.key for call in started.held)
        answers: list[Answer[Any]] = [
            answer(call, transaction)
            for call, transaction in started.decided
            if call.deadline_ms > now_ms
        ]
        answers += [
            answer(call, authorization_of(key, tokens, now, free_vend=self._free_vend))
            for call, key in asked
            if call.deadline_ms > now_ms
        ]
        return answers


async def _go_on(connection: AsyncConnection, started: StartOutcome[_Asked]) -> None:
    """Do what follows from starts that are stored."""
    if started.matchable:
        await beside_the_record(
            connection,
            SideFeature.QUARANTINE,
            lambda: reconcile_started(connection, started.matchable),
        )
    if started.reserved:
        await beside_the_record(
            connection, SideFeature.RESERVATIONS, lambda: judge_started(connection, started.new)
        )

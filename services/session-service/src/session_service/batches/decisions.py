"""A batch of the decisions queue: what tokens are worth, and starts."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.runtime.clock import utc_now
from csms_shared.service.inbox import Reply, Work
from session_service.batches.works import answer_probes, routed_calls
from session_service.handling.calls import ReceivedCall, call_reply
from session_service.handling.side_features import SideFeature, beside_the_record
from session_service.quarantine.handlers.reconciling import reconcile_started
from session_service.reservations.handlers.judging import judge_started
from session_service.routes import AuthorizeRoute, StartRoute
from session_service.tokens.domain import authorization_of, is_free_vend
from session_service.tokens.store.tokens import read_tokens
from session_service.transactions.handlers.starts import StartOutcome, start_transactions

CallKey = tuple[str, int]
_StartCall = tuple[ReceivedCall, StartRoute]


class Decisions:
    """Applies batches of the decisions queue.

    Starts left undecided for a moment (`hold`) are in `held` after the batch has committed.
    `free_vend`: who identifies with nothing may charge. Nobody waits for an answer past its
    deadline: such a start is applied and not answered.
    """

    def __init__(self, *, free_vend: bool = False) -> None:
        self.held: dict[CallKey, Work] = {}
        self.hold = True
        self._free_vend = free_vend

    async def __call__(self, connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        """Decide a batch in its transaction."""
        calls = routed_calls(works, (AuthorizeRoute, StartRoute))
        now = utc_now()
        now_ms = int(now.timestamp() * 1000)
        for call, _ in calls:
            self.held.pop(_key(call), None)
        starts = [((call, to), to.read(call)) for call, to in calls if isinstance(to, StartRoute)]
        asked = [(call, to, to.read(call)) for call, to in calls if isinstance(to, AuthorizeRoute)]
        starting = {start.token_key for _, start in starts if not is_free_vend(start.token_key)}
        tokens = await read_tokens(connection, [key for *_, key in asked], starting=starting)
        started = await start_transactions(
            connection, starts, tokens, now, hold=self.hold, free_vend=self._free_vend
        )
        await _go_on(connection, started)
        self.held |= {_key(call): call.work for call, _ in started.held}
        replies = [
            call_reply(call, to.write(transaction.id, transaction.authorization))
            for (call, to), transaction in started.decided
            if call.call.deadline_ms > now_ms
        ]
        replies += [
            call_reply(
                call, to.write(authorization_of(key, tokens, now, free_vend=self._free_vend))
            )
            for call, to, key in asked
            if call.call.deadline_ms > now_ms
        ]
        return replies + await answer_probes(connection, works)


async def _go_on(connection: AsyncConnection, started: StartOutcome[_StartCall]) -> None:
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


def _key(call: ReceivedCall) -> CallKey:
    return call.call.connection_id, call.call.seq

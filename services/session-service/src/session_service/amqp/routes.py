"""What each work queue carries: a literal table from (version, action) to its part of a batch."""

from collections.abc import Iterator, Sequence
from enum import Enum, auto

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import (
    CONNECTOR_ADDED_KEY,
    CONNECTOR_OUT_OF_SERVICE_KEY,
    SESSION_SERVICE,
    STATION_CONNECTED_KEY,
)
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ProbeReply
from csms_shared.ocpp import v16
from csms_shared.ocpp.versions import OCPP16
from csms_shared.runtime.clock import now_ms, utc_now
from csms_shared.service.completed_commands import apply_completed
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.times import read_moment
from session_service.amqp.completed_commands import completed_command_handlers
from session_service.domain.authorization import is_free_vend
from session_service.domain.reservations import Outage
from session_service.handlers.authorization import asked_tokens, authorize
from session_service.handlers.calls import ReceivedCall, received_call
from session_service.handlers.local_lists import stations_connected
from session_service.handlers.ocpp16 import read_start
from session_service.handlers.reports import take_reports
from session_service.handlers.reservations import connectors_out_of_service
from session_service.handlers.transactions import start_transactions
from session_service.store.starts import add_connectors
from session_service.store.tokens import read_tokens


class Route(Enum):
    """The part of a batch that a call belongs to."""

    AUTHORIZE = auto()
    START = auto()
    STOP = auto()
    METER_VALUES = auto()


ROUTES: dict[tuple[str, str], Route] = {
    (OCPP16, v16.AUTHORIZE): Route.AUTHORIZE,
    (OCPP16, v16.START_TRANSACTION): Route.START,
    (OCPP16, v16.STOP_TRANSACTION): Route.STOP,
    (OCPP16, v16.METER_VALUES): Route.METER_VALUES,
}

CallKey = tuple[str, int]
_CONNECTED = event_type(STATION_CONNECTED_KEY)
_ADDED = event_type(CONNECTOR_ADDED_KEY)
_OUT_OF_SERVICE = event_type(CONNECTOR_OUT_OF_SERVICE_KEY)


class UnknownWork(Exception):
    """A message of a kind that this queue has no handler for."""


class Decisions:
    """Applies batches of the decisions queue.

    Starts left undecided for a moment (`hold`) are in `held` after the batch has committed.
    `free_vend`: who identifies with nothing may charge.
    """

    def __init__(self, *, free_vend: bool = False) -> None:
        self.held: dict[CallKey, Work] = {}
        self.hold = True
        self._free_vend = free_vend

    async def __call__(self, connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        """Decide a batch in its transaction."""
        calls = _sorted_calls(works, (Route.AUTHORIZE, Route.START))
        now = utc_now()
        for received in calls[Route.START]:
            self.held.pop(_key(received), None)
        starts = [(received, read_start(received)) for received in calls[Route.START]]
        asked = asked_tokens(calls[Route.AUTHORIZE])
        starting = {start.token_key for _, start in starts if not is_free_vend(start.token_key)}
        tokens = await read_tokens(connection, asked, starting=starting)
        started = await start_transactions(
            connection, starts, tokens, now, hold=self.hold, free_vend=self._free_vend
        )
        replies = authorize(calls[Route.AUTHORIZE], asked, tokens, now, free_vend=self._free_vend)
        self.held |= {_key(received): received.work for received in started.held}
        return started.replies + replies + await _answer_probes(connection, works)


async def apply_reports(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Store a batch of the reports queue in its transaction; nobody waits for an answer.

    Connectors come first, whose locks come before those of transactions, and ends of commands
    last, so that their handlers take their locks after all others.
    """
    events = [work for work in works if work.type == MessageType.EVENTS]
    calls = _sorted_calls(
        [work for work in works if work.type != MessageType.EVENTS],
        (Route.STOP, Route.METER_VALUES),
    )
    added = {(event.subject, int(event.data["connector_id"])) for event in _told(events, _ADDED)}
    if added:
        await add_connectors(connection, added)
    await take_reports(connection, calls[Route.STOP], calls[Route.METER_VALUES])
    await apply_completed(connection, events, completed_command_handlers)
    connections = [(event.subject, read_moment(event.time)) for event in _told(events, _CONNECTED)]
    if connections:
        await stations_connected(connection, connections)
    outages = [(event.subject, _outage(event)) for event in _told(events, _OUT_OF_SERVICE)]
    if outages:
        await connectors_out_of_service(connection, outages)
    return await _answer_probes(connection, works)


def _told(events: Sequence[Work], type_: str) -> Iterator[CloudEvent]:
    """Return the events of a type."""
    for work in events:
        for item in work.item:
            if item.get("type") == type_:
                yield CloudEvent.model_validate(item)


def _outage(event: CloudEvent) -> Outage:
    at = read_moment(event.time)
    return Outage(int(event.data["connector_id"]), at, str(event.data["status"]).lower())


def is_late(work: Work) -> bool:
    """Tell whether nobody waits for the answer to this call any more."""
    deadline = work.item.get("deadline_ms") if isinstance(work.item, dict) else None
    return not isinstance(deadline, int) or deadline <= now_ms()


def _sorted_calls(
    works: Sequence[Work], routes: tuple[Route, ...]
) -> dict[Route, list[ReceivedCall]]:
    calls: dict[Route, list[ReceivedCall]] = {route: [] for route in routes}
    for work in works:
        if work.type == MessageType.PROBE:
            continue
        action = (str(work.envelope.get("version")), str(work.envelope.get("action")))
        route = ROUTES.get(action) if work.type == MessageType.CALLS else None
        if route not in calls:
            raise UnknownWork(f"{work.type} {action}")
        calls[route].append(received_call(work))
    return calls


async def _answer_probes(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Answer gateways that ask whether this path commits; their question carries one item."""
    keys = [
        work.envelope["reply_key"]
        for work in works
        if work.type == MessageType.PROBE and "reply_key" in work.envelope
    ]
    if keys:
        await connection.execute(text("SELECT 1"))
    return [
        Reply(key, MessageType.PROBE_REPLY, ProbeReply(service=SESSION_SERVICE), batched=False)
        for key in keys
    ]


def _key(received: ReceivedCall) -> CallKey:
    return received.call.connection_id, received.call.seq

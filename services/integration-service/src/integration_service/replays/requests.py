"""Requests on replays."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.errors import BrokerError
from csms_shared.broker.link import Link
from csms_shared.broker.topology import replay_queue
from csms_shared.contracts.event_store import ReplayId, ReplayView, StartReplay
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.engine import in_transaction
from integration_service.event_store.reading import begin_of, wanted_of
from integration_service.event_store.store import read_head
from integration_service.replays import store

MOST_RUNNING = 3


def starting(engine: AsyncEngine, link: Link) -> Callable[[StartReplay], Awaitable[ReplayView]]:
    """Return the handler that makes a queue and begins to fill it."""

    async def start(asked: StartReplay) -> ReplayView:
        return await in_transaction(engine, lambda one: _start(one, asked, link))

    return start


async def _start(connection: AsyncConnection, asked: StartReplay, link: Link) -> ReplayView:
    number = asked.replay_id or uuid4()
    queue = replay_queue(number.hex)
    head = await read_head(connection)
    running = await store.count_running(connection, asked.tenant_id)
    begun = await store.get(connection, asked.tenant_id, number)
    if begun is not None:
        # Asked again, by somebody who had no answer.
        return begun.view()
    if running >= MOST_RUNNING:
        raise refuse(
            409, "too_many_replays", f"{MOST_RUNNING} replays run already: stop one, or wait"
        )
    wanted = await wanted_of(connection, asked)
    begin = await begin_of(connection, wanted, asked.after, head)
    values: dict[str, Any] = {
        "id": number,
        "tenant_id": asked.tenant_id,
        "queue": queue.name,
        "types": asked.types,
        "station_id": asked.station_id,
        "of_stations": asked.of_stations,
        "from_time": asked.from_time,
        "to_time": asked.to_time,
        "position": begin,
        "until": head,
        "created_by": asked.created_by,
    }
    started = await store.add(connection, **values)
    # Before anybody sends to it, and not for a replay that is refused: it would stay for a day.
    try:
        await link.declare(queue)
    except BrokerError as error:
        raise refuse(503, "service_unavailable", f"the broker is away: {error}") from error
    return started.view()


async def get_replay(connection: AsyncConnection, asked: ReplayId) -> ReplayView:
    """Return a replay.

    Raises:
        ProblemRaised: the tenant has none of that id.
    """
    number = _number(asked)
    found = None if number is None else await store.get(connection, asked.tenant_id, number)
    if found is None:
        raise _unknown(asked)
    return found.view()


async def stop_replay(connection: AsyncConnection, asked: ReplayId) -> ReplayView:
    """Stop a replay; what is in its queue stays there.

    Raises:
        ProblemRaised: the tenant has none of that id, or it has ended.
    """
    number = _number(asked)
    if number is not None:
        stopped = await store.stop(connection, asked.tenant_id, number)
        if stopped is not None:
            return stopped.view()
        if await store.get(connection, asked.tenant_id, number) is not None:
            raise refuse(409, "replay_ended", "this replay has ended already")
    raise _unknown(asked)


def _number(asked: ReplayId) -> UUID | None:
    try:
        return UUID(asked.replay_id)
    except ValueError:
        return None


def _unknown(asked: ReplayId) -> ProblemRaised:
    return refuse(404, "unknown_replay", f"there is no replay {asked.replay_id[:100]}")

"""Who is in trouble while everybody else is measured, and how the trouble comes and goes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum

import aio_pika
import asyncpg
import httpx

from bench.events import EXCHANGE
from bench.systems import System
from csms_local.nodes.private import running_broker

SLOW_STATION = "bench-slow-station"
FULL_QUEUE = "bench.full.v1"
_POLICY = "bench-deaf"
# The services cut statements off after 15 s, so one that is to end by itself takes less.
_SLOW_REQUEST_S = 14.5
_REQUEST_EVERY_S = 15.0
_LONG_STATEMENT_S = 60.0
_IN_FORCE_WITHIN_S = 30.0
# The relays try a destination that has refused again after up to 60 s.
_TOLD_WITHIN_S = 90.0
_LOOK_EVERY_S = 0.1
_REFUSED = (
    "SELECT (SELECT count(*) FROM registry.outbox_deferred)"
    " + (SELECT count(*) FROM session.outbox_deferred)"
    " + (SELECT count(*) FROM command.outbox_deferred)"
)


class Trouble(StrEnum):
    """One party in trouble."""

    NOBODY = "nobody"
    GATEWAY = "deaf gateway"
    """Its own queue refuses what is published to it: nothing is confirmed."""
    SUBSCRIBER = "full subscriber"
    """Its queue of all public events refuses more."""
    REQUEST = "slow request"
    """It keeps station-registry at work for 15 s."""
    STATEMENT = "long statement"
    """Upkeep waits for it for 60 s, or until it is cut off."""


# The row is looked at anew each time, so that a trouble ends without a lock on the table.
_SLEEPER = """
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE IF NOT EXISTS bench.sleep (what text PRIMARY KEY, seconds float NOT NULL);
INSERT INTO bench.sleep VALUES ('request', 0), ('statement', 0) ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION bench.sleep_for() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_sleep((SELECT seconds FROM bench.sleep WHERE what = TG_ARGV[0]));
    RETURN NEW;
END $$;
"""
# Tasks that are due every few seconds, in a pool that they share with all other upkeep.
_TRIGGERS = {
    "registry.station": f"BEFORE UPDATE ON registry.station FOR EACH ROW "
    f"WHEN (OLD.station_id = '{SLOW_STATION}') EXECUTE FUNCTION bench.sleep_for('request')",
    "registry.upkeep_turn": "BEFORE INSERT ON registry.upkeep_turn FOR EACH ROW "
    "WHEN (NEW.task = 'advance_rollouts') EXECUTE FUNCTION bench.sleep_for('statement')",
    "session.upkeep_turn": "BEFORE INSERT ON session.upkeep_turn FOR EACH ROW "
    "WHEN (NEW.task = 'expire_reservations') EXECUTE FUNCTION bench.sleep_for('statement')",
}
_SLEEPING = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_type = 'client backend'"


class TroubleMissing(Exception):
    """What was to be in trouble was not: nothing can be said of who was beside it."""


@asynccontextmanager
async def troubles(system: System) -> AsyncIterator[None]:
    """Make everything that `in_trouble` needs, while nobody is in trouble; leave nothing behind."""
    async with _database(system) as database, _operator(system) as operator:
        created = await operator.post("/api/v1/stations", json={"station_id": SLOW_STATION})
        if created.status_code != httpx.codes.CONFLICT:
            created.raise_for_status()
        await database.execute(_SLEEPER)
        try:
            for does in _TRIGGERS.values():
                await database.execute(f"CREATE TRIGGER bench_sleep {does}")
            yield
        finally:
            for table in _TRIGGERS:
                await database.execute(f"DROP TRIGGER IF EXISTS bench_sleep ON {table}")


def in_trouble(system: System, trouble: Trouble) -> AbstractAsyncContextManager[None]:
    """Bring somebody into trouble, in force when entered; on leaving, all is well again.

    Raises:
        TroubleMissing: what was meant to happen did not.
    """
    return _WAYS[trouble](system)


@asynccontextmanager
async def _nobody(system: System) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def _gateway_that_confirms_nothing(system: System) -> AsyncIterator[None]:
    """Let the first gateway's own queue refuse every message."""
    assert system.home is not None
    broker = running_broker(system.home)
    queues = f"^{system.gateway_names[0]}-.*"
    refuse = '{"max-length": 0, "overflow": "reject-publish"}'
    await asyncio.to_thread(
        broker.control, "set_policy", _POLICY, queues, refuse, "--apply-to", "queues"
    )
    try:
        yield
    finally:
        await asyncio.to_thread(broker.control, "clear_policy", _POLICY)


@asynccontextmanager
async def _subscriber_that_refuses(system: System) -> AsyncIterator[None]:
    """Bind a queue to all public events that is full and that nobody reads."""
    async with await aio_pika.connect(system.broker_url) as connection, _database(system) as db:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            FULL_QUEUE,
            durable=True,
            arguments={"x-max-length": 1, "x-overflow": "reject-publish"},
        )
        await channel.default_exchange.publish(aio_pika.Message(b"full"), FULL_QUEUE)
        await queue.bind(EXCHANGE, "#")
        try:
            yield
            if not await _refused(db):
                raise TroubleMissing("no event was refused")
        finally:
            await queue.delete(if_unused=False, if_empty=False)
            await _until(lambda: _refused(db), lambda events: not events, _TOLD_WITHIN_S)


async def _refused(database: "asyncpg.Connection[asyncpg.Record]") -> int:
    return int(await database.fetchval(_REFUSED))


@asynccontextmanager
async def _slow_request(system: System) -> AsyncIterator[None]:
    """Have station-registry at work on a request that takes 15 s, one after the other."""

    async def ask(operator: httpx.AsyncClient) -> None:
        number = 0
        while True:
            number += 1
            # Answered 503 after 4 s; the service goes on with it.
            asked = asyncio.create_task(
                operator.patch(
                    f"/api/v1/stations/{SLOW_STATION}",
                    json={"heartbeat_interval": 600 + number % 2},
                )
            )
            await asyncio.gather(asyncio.sleep(_REQUEST_EVERY_S), asked)

    async with _operator(system) as operator, _sleep(system, "request", _SLOW_REQUEST_S) as begins:
        asking = asyncio.create_task(ask(operator))
        try:
            await begins()
            yield
            if asking.done():
                asking.result()
        finally:
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await asking


@asynccontextmanager
async def _long_statement(system: System) -> AsyncIterator[None]:
    """Let a statement of upkeep take 60 s, in each service that owns data.

    They cut it off after 15 s and begin again within six.
    """
    async with _sleep(system, "statement", _LONG_STATEMENT_S) as begins:
        await begins()
        yield


@asynccontextmanager
async def _sleep(
    system: System, what: str, seconds: float
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Let statements sleep; what is yielded waits until one does."""
    async with _database(system) as database:
        change = "UPDATE bench.sleep SET seconds = $2 WHERE what = $1"

        async def sleeping() -> int:
            return int(await database.fetchval(f"SELECT count(*) {_SLEEPING}"))

        async def begins() -> None:
            await _until(sleeping, bool, _IN_FORCE_WITHIN_S)

        await database.execute(change, what, seconds)
        try:
            yield begins
        finally:
            await database.execute(change, what, 0.0)
            await database.execute(f"SELECT pg_cancel_backend(pid) {_SLEEPING}")
            await _until(sleeping, lambda count: not count, _IN_FORCE_WITHIN_S)


async def _until(
    look: Callable[[], Awaitable[int]], well: Callable[[int], bool], within_s: float
) -> None:
    give_up_at = time.monotonic() + within_s
    while not well(seen := await look()):
        if time.monotonic() > give_up_at:
            raise TroubleMissing(f"still {seen} after {within_s:.0f} s")
        await asyncio.sleep(_LOOK_EVERY_S)


@asynccontextmanager
async def _database(
    system: System,
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(system.database_url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _operator(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=system.rest_url,
        headers={"Authorization": system.authorization},
        trust_env=False,
        timeout=30,
    ) as client:
        yield client


_WAYS: dict[Trouble, Callable[[System], AbstractAsyncContextManager[None]]] = {
    Trouble.NOBODY: _nobody,
    Trouble.GATEWAY: _gateway_that_confirms_nothing,
    Trouble.SUBSCRIBER: _subscriber_that_refuses,
    Trouble.REQUEST: _slow_request,
    Trouble.STATEMENT: _long_statement,
}

"""ADR 0011 with two replicas: the stop that frees a token may be with the one or the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest
from session_fakes import WITHIN_S, Gateway, running_gateway, running_replica, until
from session_records import Records
from sqlalchemy.engine import make_url

from csms_shared.broker.consumer import Consumer, Delivery, Rest
from csms_shared.broker.link import Link
from csms_shared.broker.topology import SESSION_SERVICE, reports_queue
from csms_shared.runtime.clock import now_ms
from csms_shared.service import owning_service
from csms_shared.service.inbox import Work
from session_service.amqp import inboxes
from session_service.database import SCHEMA

# So many that each of the eight consumers gets some of them, and of the starts.
TOKENS = 12
# For what must not happen: a slow machine makes it pass, never fail.
MEANWHILE_S = 2.0


@pytest.fixture
def no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a start wait for as long as something may still be on its way."""
    monkeypatch.setattr(inboxes, "HOLD_S", 10 * WITHIN_S)


@pytest.fixture
async def gateway(broker_url: str, session_url: str) -> AsyncIterator[Gateway]:
    """A gateway before two replicas of the service."""
    async with (
        running_replica(broker_url, session_url),
        running_replica(broker_url, session_url),
        running_gateway(broker_url) as gateway,
    ):
        yield gateway


@contextlib.asynccontextmanager
async def stops_not_stored(database_url: str) -> AsyncIterator[None]:
    """Keep what runs locked: whichever replica stores a stop has its transaction open."""
    owner = await asyncpg.connect(
        make_url(database_url).render_as_string(hide_password=False),
        server_settings={"search_path": SCHEMA},
    )
    try:
        async with owner.transaction():
            await owner.execute("SELECT FROM transaction FOR UPDATE")
            yield
    finally:
        await owner.close()


async def busy_tokens(records: Records) -> list[Work]:
    """Start a transaction with each token; return the stop of each."""
    for number in range(TOKENS):
        await records.token(f"T{number}")
        await records.decide(records.start(1, station_id=f"S{number}", id_tag=f"T{number}"))
    rows = await records.transactions()
    return [records.stop(2, row["id"], station_id=row["station_id"]) for row in rows]


def start(records: Records, station_id: str, id_tag: str) -> Work:
    """Return a start that is waited for longer than any of these tests takes."""
    deadline_ms = now_ms() + 60_000
    work: Work = records.start(1, station_id=station_id, id_tag=id_tag, deadline_ms=deadline_ms)
    return work


async def start_elsewhere(gateway: Gateway, records: Records) -> None:
    """Start with each token at another station."""
    for number in range(TOKENS):
        await gateway.send(start(records, f"NEW-{number}", f"T{number}"))


def answers(gateway: Gateway) -> list[str]:
    return [reply["payload"]["idTagInfo"]["status"] for reply in gateway.replies]


async def nothing_meanwhile(gateway: Gateway) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MEANWHILE_S):
            await until(lambda: bool(gateway.replies))
    assert answers(gateway) == []


@pytest.mark.parametrize("prefetch", [1, 200], ids=["queued", "unacknowledged"])
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "many batches"])
async def test_no_start_is_refused_while_a_stop_is_with_either_replica(
    broker_url: str,
    session_url: str,
    database_url: str,
    records: Records,
    no_bound: None,
    monkeypatch: pytest.MonkeyPatch,
    together: bool,
    prefetch: int,
) -> None:
    monkeypatch.setattr(owning_service, "REPORTS_PREFETCH", prefetch)
    async with (
        running_replica(broker_url, session_url),
        running_replica(broker_url, session_url),
        running_gateway(broker_url) as gateway,
    ):
        stops = await busy_tokens(records)
        async with stops_not_stored(database_url):
            if together:
                await gateway.send(*stops)
            else:
                for stop in stops:
                    await gateway.send(stop)
            await start_elsewhere(gateway, records)
            await nothing_meanwhile(gateway)
            # Nobody else waits for them, in the same batch or in those that follow.
            await records.token("FREE")
            await gateway.send(
                start(records, "OTHER", "FREE"),
                start(records, "HELD", "T0"),
            )
            await until(lambda: answers(gateway) == ["Accepted"])
        await until(lambda: len(gateway.replies) == TOKENS + 2)
        assert sorted(answers(gateway)) == ["Accepted"] * (TOKENS + 1) + ["ConcurrentTx"]


async def test_a_token_that_is_busy_is_refused_as_soon_as_no_report_is_on_its_way(
    gateway: Gateway, records: Records, no_bound: None
) -> None:
    await busy_tokens(records)
    await start_elsewhere(gateway, records)
    await until(lambda: len(gateway.replies) == TOKENS)
    assert set(answers(gateway)) == {"ConcurrentTx"}


async def _for_ever() -> None:
    await asyncio.Event().wait()


class Mute:
    """A consumer of the reports queue that settles nothing and answers no question."""

    def __init__(self) -> None:
        self.got: list[Delivery] = []

    async def __call__(self, deliveries: list[Delivery]) -> Rest:
        self.got += deliveries
        return _for_ever


@contextlib.asynccontextmanager
async def mute_replica(broker_url: str) -> AsyncIterator[Mute]:
    """A replica that stands still; when the context is left it is dead."""
    mute = Mute()
    async with Link(broker_url, "mute") as link:
        consumer = Consumer(link, reports_queue(SESSION_SERVICE), mute, prefetch=200)
        running = asyncio.create_task(consumer.run())
        await until(lambda: consumer.consuming)
        yield mute
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_stop_that_a_dead_replica_had_not_stored_frees_its_token(
    gateway: Gateway, broker_url: str, records: Records, no_bound: None
) -> None:
    stops = await busy_tokens(records)
    async with mute_replica(broker_url) as mute:
        for stop in stops:
            await gateway.send(stop)
        await until(lambda: bool(mute.got))

        async def those_of_the_others_are_stored() -> bool:
            ended = await records.rows("SELECT id FROM transaction WHERE status = 'completed'")
            return len(ended) == TOKENS - len(mute.got)

        await until(those_of_the_others_are_stored)
        await start_elsewhere(gateway, records)
        await until(lambda: len(gateway.replies) == TOKENS - len(mute.got))
        await asyncio.sleep(MEANWHILE_S)
        assert len(gateway.replies) == TOKENS - len(mute.got)
    await until(lambda: len(gateway.replies) == TOKENS)
    assert set(answers(gateway)) == {"Accepted"}


async def test_a_replica_that_answers_no_question_delays_a_refusal_and_prevents_none(
    gateway: Gateway, broker_url: str, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "HOLD_S", 0.5)
    await busy_tokens(records)
    async with mute_replica(broker_url):
        await start_elsewhere(gateway, records)
        await until(lambda: len(gateway.replies) == TOKENS)
    assert set(answers(gateway)) == {"ConcurrentTx"}

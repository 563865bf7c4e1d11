"""Parked items that operators put back or delete many at a time."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from session_asker import Asker
from session_records import Records
from sqlalchemy import text

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.db import parked_bulk

END = b"the end"


class Target:
    """A queue that parked items are put back into, and what came to it."""

    def __init__(self, link: Link) -> None:
        self.name = f"parked-test-{secrets.token_hex(6)}"
        self._publisher = Publisher(link)
        self.bodies: list[bytes] = []
        self.queue = Queue(self.name, {"x-queue-type": "quorum", "x-expires": 600_000})
        self.consumer = Consumer(link, self.queue, self._take, prefetch=1000)

    async def _take(self, deliveries: list[Delivery]) -> None:
        self.bodies += [delivery.body for delivery in deliveries]

    async def received(self) -> list[bytes]:
        """Return what came, once all that was published before has come."""
        await self._publisher.publish(Outgoing(DEFAULT_EXCHANGE, self.name, "end.v1", END))
        async with asyncio.timeout(20):
            while END not in self.bodies:
                await asyncio.sleep(0.01)
        self.bodies.remove(END)
        return self.bodies


@pytest.fixture
async def target(link: Link) -> AsyncIterator[Target]:
    target = Target(link)
    await link.declare(target.queue)
    running = asyncio.create_task(target.consumer.run())
    yield target
    await target.consumer.stop()
    running.cancel()


def batch(**fields: Any) -> dict[str, Any]:
    """A batch of an action of its own, unless `action_id` is given."""
    return {"action_id": str(uuid.uuid4()), "limit": 100, **fields}


async def park(records: Records, queue: str, number: int, **columns: str) -> None:
    """Park so many items, a minute apart."""
    columns = {"type": "calls.v1", "station_id": "S1", "error": "ValueError('no')", **columns}
    await records.execute(
        "INSERT INTO parked (id, queue, type, body, station_id, error, parked_at) "
        "SELECT gen_random_uuid(), :queue, :type, convert_to(CAST(n AS text), 'UTF8'), "
        ":station_id, :error, timestamptz '2026-11-20T08:00:00Z' + n * interval '1 minute' "
        "FROM generate_series(1, :number) AS n",
        queue=queue,
        number=number,
        **columns,
    )


async def replayed(records: Records) -> list[bool]:
    rows = await records.rows("SELECT replayed_at FROM parked ORDER BY parked_at")
    return [row["replayed_at"] is not None for row in rows]


async def test_those_that_match_are_put_back_once_and_the_others_are_not(
    ask: Asker, records: Records, target: Target
) -> None:
    await park(records, target.name, 5)
    which = {"parked_from": "2026-11-20T08:02:00Z", "parked_to": "2026-11-20T08:05:00Z"}
    assert (await ask("parked.replay_many", **batch(dry_run=True, **which)))["matched"] == 3
    assert await target.received() == []
    same = batch(**which)
    answers = await asyncio.gather(*(ask("parked.replay_many", **same) for _ in range(3)))
    answers.append(await ask("parked.replay_many", **same))
    assert answers[0] == {
        "matched": 3,
        "done": 3,
        "failed": 0,
        "failures": [],
        "next_cursor": None,
    }
    assert all(answer == answers[0] for answer in answers)
    assert sorted(await target.received()) == [b"2", b"3", b"4"]
    assert await replayed(records) == [False, True, True, True, False]
    assert (await ask("parked.replay_many", **batch(**which)))["matched"] == 0


@pytest.mark.parametrize(
    ("filter", "number"),
    [
        ({}, 6),
        ({"queue": "b"}, 2),
        ({"type": "claims.v1"}, 2),
        ({"station_id": "S2"}, 2),
        ({"error": "ValueError"}, 4),
        ({"error": "100%_"}, 2),
        ({"error": "%"}, 2),
        ({"queue": "b", "station_id": "S1"}, 0),
        ({"parked_to": "2026-11-20T08:02:00Z"}, 3),
    ],
)
async def test_filters_are_those_of_the_list(
    ask: Asker, records: Records, filter: dict[str, Any], number: int
) -> None:
    await park(records, "a", 2)
    await park(records, "b", 2, type="claims.v1", station_id="S2")
    await park(records, "a", 2, error="KeyError('100%_')")
    listed = (await ask("parked.list", **filter))["items"]
    assert len(listed) == number
    for operation in ("parked.replay_many", "parked.delete_many"):
        assert (await ask(operation, **batch(dry_run=True, **filter)))["matched"] == number
    same = batch(**filter)
    answers = [await ask("parked.delete_many", **same) for _ in range(2)]
    assert [answer["done"] for answer in answers] == [number, number]
    left = {item["id"] for item in (await ask("parked.list"))["items"]}
    assert len(left) == 6 - number
    assert left.isdisjoint(item["id"] for item in listed)


async def test_what_was_put_back_is_a_filter_of_what_is_deleted(
    ask: Asker, records: Records
) -> None:
    await park(records, "a", 3)
    await records.execute("UPDATE parked SET replayed_at = now() WHERE body = '2'")
    assert [item["body"] for item in (await ask("parked.list", replayed=True))["items"]] == ["2"]
    assert (await ask("parked.delete_many", **batch(replayed=True)))["done"] == 1
    assert len((await ask("parked.list", replayed=False))["items"]) == 2


async def test_what_the_broker_does_not_take_is_named_and_costs_no_other(
    ask: Asker, records: Records, target: Target
) -> None:
    await park(records, target.name, 2)
    await park(records, "nobody has this queue", 1)
    done = await ask("parked.replay_many", **batch())
    assert (done["matched"], done["done"]) == (3, 2)
    (failure,) = done["failures"]
    (left,) = await records.rows("SELECT id FROM parked WHERE replayed_at IS NULL")
    assert (failure["id"], failure["code"]) == (str(left["id"]), "not_confirmed")
    assert sorted(await target.received()) == [b"1", b"2"]


async def test_one_that_somebody_else_has_is_left_to_them(
    ask: Asker, records: Records, target: Target
) -> None:
    await park(records, target.name, 3)
    async with records.engine.connect() as other:
        await other.execute(text("SELECT 1 FROM parked WHERE body = '2' FOR UPDATE"))
        put_back = await ask("parked.replay_many", **batch())
        deleted = await ask("parked.delete_many", **batch())
    for done in (put_back, deleted):
        assert (done["matched"], done["done"]) == (3, 2)
        assert [one["code"] for one in done["failures"]] == ["busy"]


async def test_what_fails_again_is_met_once_behind_one_cursor(
    ask: Asker, records: Records, target: Target
) -> None:
    await park(records, target.name, 7)
    cursor, done = None, 0
    while True:
        for operation in ("parked.replay_many", "parked.delete_many"):
            left = await ask(operation, **batch(dry_run=True, cursor=cursor))
            assert left["matched"] == 7 - done
        answer = await ask("parked.replay_many", **batch(limit=2, cursor=cursor))
        done += answer["done"]
        # All of them fail again.
        await records.execute(
            "UPDATE parked SET replayed_at = NULL, parked_at = now() WHERE replayed_at IS NOT NULL"
        )
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert done == 7
    assert len(await target.received()) == 7
    for dry_run in (False, True):
        bad = await ask("parked.delete_many", **batch(cursor="rubbish", dry_run=dry_run))
        assert bad == (422, "bad_cursor", ["cursor"])


async def test_two_at_once_put_each_item_back_once(
    ask: Asker, records: Records, target: Target
) -> None:
    await park(records, target.name, 60)

    async def to_the_end(limit: int) -> int:
        done, cursor = 0, None
        while True:
            answer = await ask("parked.replay_many", **batch(limit=limit, cursor=cursor))
            done += answer["done"]
            cursor = answer["next_cursor"]
            if cursor is None:
                return int(done)

    done = sum(await asyncio.gather(*(to_the_end(limit) for limit in (7, 11, 20))))
    done += await to_the_end(100)
    assert done == 60
    assert sorted(await target.received()) == sorted(str(n).encode() for n in range(1, 61))


async def test_a_batch_holds_no_more_than_so_many_bytes(
    ask: Asker, records: Records, target: Target
) -> None:
    body = orjson.dumps("x" * 1_500_000)
    for number in range(5):
        await records.execute(
            "INSERT INTO parked (id, queue, type, body, error) "
            "VALUES (gen_random_uuid(), :queue, :type, :body, 'why')",
            queue=target.name,
            type=f"probe.v{number}",
            body=body,
        )
    sizes, cursor = [], None
    while True:
        answer = await ask("parked.replay_many", **batch(cursor=cursor))
        sizes.append(answer["matched"])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert sizes == [2, 2, 1]
    assert len(await target.received()) == 5


async def test_what_no_longer_fits_the_filter_when_its_turn_comes_is_left(
    ask: Asker, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    await park(records, "a", 2, error="ValueError('old')")
    choose = parked_bulk._next

    async def then_one_fails_anew(*args: Any) -> object:
        chosen = await choose(*args)
        # As the drain stores what was put back, and has failed again for another reason.
        await records.execute(
            "UPDATE parked SET error = 'KeyError(new)', parked_at = now(), replayed_at = NULL "
            "WHERE body = '1'"
        )
        return chosen

    monkeypatch.setattr(parked_bulk, "_next", then_one_fails_anew)
    done = await ask("parked.delete_many", **batch(error="old"))
    assert (done["matched"], done["done"], done["failures"]) == (2, 1, [])
    (left,) = await records.rows("SELECT error FROM parked")
    assert left["error"] == "KeyError(new)"

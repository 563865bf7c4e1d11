"""Commands to gateways: together, in bounds, and none waits for another gateway's queue."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import orjson
import pytest

from command_api.amqp import command_sender
from command_api.amqp.command_sender import GatewaySender
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing
from csms_shared.contracts.commands import Command, CommandBatch


class Gateways:
    """Confirms, unless a gateway is deaf (until it is let go) or gone."""

    def __init__(self) -> None:
        self.deaf: set[str] = set()
        self.gone: set[str] = set()
        self.let_go = asyncio.Event()
        self.messages: list[tuple[str, list[str]]] = []

    async def publish(self, message: Outgoing, timeout: float = 5.0) -> None:
        batch = CommandBatch.model_validate_json(message.body)
        assert orjson.loads(message.body)["reply_key"] == "c-1.command"
        self.messages.append((message.routing_key, [item.command_id for item in batch.items]))
        if message.routing_key in self.gone:
            raise PublishReturned(message.routing_key)
        if message.routing_key in self.deaf:
            await self.let_go.wait()
            raise PublishUnconfirmed("no confirm")
        await asyncio.sleep(0)


def command(number: int, size: int = 0) -> Command:
    return Command(
        command_id=str(number),
        station_id="A",
        epoch=1,
        action="ClearCache",
        payload={"filler": "x" * size},
        deadline_ms=0,
    )


@pytest.fixture
def gateways() -> Gateways:
    return Gateways()


@pytest.fixture
async def sender(gateways: Gateways) -> AsyncIterator[GatewaySender]:
    made = GatewaySender(cast(Any, gateways), "c-1")
    yield made
    await made.close()


async def test_a_gateway_that_does_not_confirm_keeps_no_command_from_another(
    gateways: Gateways, sender: GatewaySender
) -> None:
    gateways.deaf = {"deaf"}
    waiting = [asyncio.create_task(sender.send("deaf", command(n))) for n in range(1_000)]
    for number in range(100):
        assert await sender.send("sound", command(number))
    assert not any(task.done() for task in waiting)
    gateways.let_go.set()
    # It may have them: whether they were stored is unknown.
    assert all(await asyncio.gather(*waiting))


async def test_what_waits_for_a_gateway_is_bounded(
    gateways: Gateways, sender: GatewaySender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_sender, "MAX_WAITING", 10)
    gateways.deaf = {"deaf"}
    tasks = [asyncio.create_task(sender.send("deaf", command(n))) for n in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    refused = [task for task in tasks if task.done()]
    assert len(refused) >= 50 - 10 - 3
    assert not any(task.result() for task in refused)
    gateways.let_go.set()
    await asyncio.gather(*tasks)


async def test_what_comes_together_travels_together_in_messages_of_bounded_size(
    gateways: Gateways, sender: GatewaySender
) -> None:
    sent = [sender.send("g", command(n, size=100_000)) for n in range(5)]
    assert all(await asyncio.gather(*sent))
    assert sorted(len(ids) for _, ids in gateways.messages) == [1, 2, 2]
    gateways.messages.clear()
    sent = [sender.send("g", command(n)) for n in range(2_000)]
    assert all(await asyncio.gather(*sent))
    assert sorted(id for _, ids in gateways.messages for id in ids) == sorted(
        str(n) for n in range(2_000)
    )
    assert max(len(ids) for _, ids in gateways.messages) <= 500
    assert len(gateways.messages) < 20


async def test_a_gateway_that_has_gone_took_nothing(
    gateways: Gateways, sender: GatewaySender
) -> None:
    gateways.gone = {"gone"}
    assert not await sender.send("gone", command(1))
    assert await sender.send("sound", command(2))

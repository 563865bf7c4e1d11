"""What a newer version sends costs this gateway the item that is new, and no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from csms_shared.broker.consumer import Delivery
from csms_shared.contracts.calls import CallReply, RegistrationChange
from csms_shared.contracts.commands import Command
from csms_shared.contracts.control import Control, ControlKind
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ClaimReplyBatch, ReassertionReply
from ws_gateway.amqp.batch_delay import BatchDelay
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.message_router import MessageRouter

SAMPLES = Path(__file__).parents[4] / "docs" / "messages" / "samples" / "newer"


class Held:
    """The connection that every sample speaks of."""

    station_id = "CS-0001"
    connection_id = "7d3f0c9a4b1e4f0e8a6d2c5b9e1f3a70"
    epoch = 12

    def __init__(self) -> None:
        self.replies: list[int] = []
        self.commands: list[str] = []
        self.registrations: list[str] = []

    def decided(self, reply: CallReply) -> None:
        self.replies.append(reply.seq)

    def take_command(self, command: Command, reply_key: str) -> None:
        self.commands.append(command.action)

    def set_registration(self, registration: RegistrationChange) -> None:
        self.registrations.append(registration.registration_status)


class Around:
    """Whatever else messages go to."""

    def __init__(self) -> None:
        self.claims: list[str] = []
        self.controls: list[str] = []

    def owns(self, connection_id: str) -> bool:
        return True

    def answered(self, batch: ClaimReplyBatch) -> None:
        self.claims += [str(reply.outcome) for reply in batch.items]

    def note(self, control: Control) -> None:
        self.controls.append(str(control.kind))

    def resolve(self, delivery: Delivery) -> bool:
        return False


class Reassertions:
    """Who waits for answers to pages."""

    def answered(self, routing_key: str, reply: ReassertionReply) -> None:
        pass


class Gateway:
    """What arrives, and where it went."""

    def __init__(self) -> None:
        self.held, self.around = Held(), Around()
        connections = Connections()
        connections.add(cast(Any, self.held))
        around = cast(Any, self.around)
        self.router = MessageRouter(
            around,
            connections,
            around,
            around,
            cast(Any, Reassertions()),
            around,
            BatchDelay(),
            lambda _: None,
        )

    async def arrive(self, type: str, body: bytes) -> None:
        await self.router.handle([Delivery(type, "", body, False, cast(Any, None))])


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def unread(type: MessageType) -> float:
    return REGISTRY.get_sample_value("csms_items_unread_total", {"type": type}) or 0.0


@pytest.mark.parametrize(
    ("type", "taken", "expected"),
    [
        (MessageType.CALL_REPLIES, lambda one: one.held.replies, [5, 5]),
        (MessageType.COMMANDS, lambda one: one.held.commands, ["RemoteStartTransaction"] * 2),
        (
            MessageType.CLAIM_REPLIES,
            lambda one: one.around.claims,
            ["quarantined_certificate", "accepted"],
        ),
        (MessageType.CONTROLS, lambda one: one.held.registrations, ["accepted"]),
        (
            MessageType.CONTROLS,
            lambda one: one.around.controls,
            ["freeze", ControlKind.REGISTRATION.value],
        ),
    ],
)
async def test_every_item_that_is_known_is_taken(
    gateway: Gateway,
    type: MessageType,
    taken: Callable[[Gateway], list[str] | list[int]],
    expected: list[str] | list[int],
) -> None:
    before = unread(type)
    await gateway.arrive(type, (SAMPLES / f"{type}.json").read_bytes())
    assert taken(gateway) == expected
    assert unread(type) == before + 1


@pytest.mark.parametrize("type", [*MessageType, "", "calls.v9"])
@pytest.mark.parametrize("body", [b"", b"\xff", b"no JSON", b"[]", b"{}", b'{"items":[5]}'])
async def test_nonsense_is_taken_for_nothing(gateway: Gateway, type: str, body: bytes) -> None:
    await gateway.arrive(type, body)
    sample = SAMPLES / f"{MessageType.CALL_REPLIES}.json"
    await gateway.arrive(MessageType.CALL_REPLIES, sample.read_bytes())
    assert gateway.held.replies == [5, 5]

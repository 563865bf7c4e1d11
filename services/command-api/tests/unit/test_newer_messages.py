"""What a newer version sends costs this instance the item that is new, and no other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import orjson
import pytest

from command_api.amqp.own_events import OwnEvents
from command_api.amqp.own_queue import OwnQueue
from command_api.amqp.owner_map import OwnerMap
from command_api.ports import ServiceAway
from csms_shared.broker.consumer import Delivery
from csms_shared.broker.requests import Correlator
from csms_shared.contracts.commands import CommandReport
from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType

SAMPLES = Path(__file__).parents[4] / "docs" / "messages" / "samples" / "newer"


def delivered(type: str, body: bytes) -> list[Delivery]:
    return [Delivery(type, "", body, False, cast(Any, None))]


def newer(type: MessageType) -> list[Delivery]:
    return delivered(type, (SAMPLES / f"{type}.json").read_bytes())


class Seen:
    """Whom events are told to."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.ended: list[UUID] = []

    def saw(self, event: CloudEvent) -> None:
        self.types.append(event.type)
        if event.type.endswith("connected.v1"):
            int(event.data["epoch"])

    def ended_elsewhere(self, command_ids: Sequence[UUID]) -> None:
        self.ended += command_ids


async def test_every_report_that_is_known_is_taken() -> None:
    outcomes: list[str] = []

    def reported(gateway_id: str, reports: Sequence[CommandReport]) -> None:
        for report in reports:
            assert isinstance(report, CommandReport)
            outcomes.append(str(report.outcome))

    own = OwnQueue(Correlator("c-1"), reported, lambda: None)
    await own(newer(MessageType.COMMAND_REPORTS))
    assert outcomes == ["deferred", "completed"]


async def test_a_report_that_meets_a_defect_comes_in_nobodys_way() -> None:
    taken: list[str] = []

    def reported(gateway_id: str, reports: Sequence[CommandReport]) -> None:
        (report,) = reports
        if report.outcome == "deferred":
            raise ValueError("a defect")
        taken.append(report.outcome)

    own = OwnQueue(Correlator("c-1"), reported, lambda: None)
    await own(newer(MessageType.COMMAND_REPORTS))
    assert taken == ["completed"]


async def test_every_event_that_is_known_is_taken() -> None:
    seen = cast(Any, Seen())
    events = OwnEvents(seen, seen)
    await events(newer(MessageType.EVENTS))
    assert seen.types == ["csms.transaction.reinterpreted.v1", "csms.transaction.started.v1"]


async def test_an_event_without_what_its_type_promises_comes_in_nobodys_way() -> None:
    seen = cast(Any, Seen())
    events = OwnEvents(seen, seen)
    event = orjson.loads((SAMPLES.parent / "events.v1.json").read_bytes())
    bare = [
        {**event, "type": f"csms.{kind}.v1", "data": {}}
        for kind in ("station.connected", "command.completed", "station.online")
    ]
    await events(delivered(MessageType.EVENTS, orjson.dumps(bare)))
    assert seen.types[-1] == "csms.station.online.v1"
    assert seen.ended == []


class Registry:
    """Answers every question with the same."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> object:
        return self._answer


async def test_an_owner_that_cannot_be_read_costs_no_other_station() -> None:
    held = {"station_id": "B", "known": True, "gateway_id": "g", "epoch": 3}
    owners = OwnerMap(Registry([{"owner": "A"}, held | {"registration_status": "added_later"}]))
    found = await owners.find_fresh(["A", "B"])
    # There, and as far as is known nobody holds it: what is held for it waits.
    assert (found["A"].known, found["A"].gateway_id) == (True, None)
    assert (found["B"].gateway_id, found["B"].registration_status) == ("g", "added_later")


@pytest.mark.parametrize("answer", [None, {}, [5], [{"owner": "A"}]])
async def test_an_answer_without_an_owner_is_none(answer: object) -> None:
    with pytest.raises(ServiceAway):
        await OwnerMap(Registry(answer)).find_fresh(["A"])


@pytest.mark.parametrize("type", [*MessageType, "", "calls.v9"])
@pytest.mark.parametrize("body", [b"", b"\xff", b"no JSON", b"5", b"{}", b'{"items":[5]}', b"[5]"])
async def test_nonsense_is_taken_for_nothing(type: str, body: bytes) -> None:
    seen = cast(Any, Seen())
    await OwnEvents(seen, seen)(delivered(type, body))
    await OwnQueue(Correlator("c-1"), lambda *_: None, lambda: None)(delivered(type, body))
    assert (seen.types, seen.ended) == ([], [])

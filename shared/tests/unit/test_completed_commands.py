"""Ends of commands reach the handler of their action, once and in any order."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import COMMAND_COMPLETED_KEY
from csms_shared.contracts.events import event_id, event_type
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.completed_commands import (
    CompletedHandler,
    apply_completed,
    completed_key,
    following,
)
from csms_shared.service.inbox import Work

IDS = [UUID(int=number) for number in range(4)]


def ended(command_id: UUID, status: str = "completed", action: str = "Reset") -> dict[str, Any]:
    return {
        "command_id": str(command_id),
        "station_id": f"S{command_id.int % 2}",
        "action": action,
        "payload": {"type": "Soft"},
        "status": status,
        "created_by": "admin",
        "created_at": "2026-01-01T00:00:00.000Z",
        "completed_at": "2026-01-01T00:00:01.000Z",
        "deadline": "2026-01-01T00:01:00.000Z",
    }


def work(data: dict[str, Any], key: str = COMMAND_COMPLETED_KEY) -> Work:
    event = {
        "id": event_id(key, str(data)),
        "source": "/csms/test",
        "type": event_type(key),
        "subject": "S",
        "time": "2026-01-01T00:00:01.000Z",
        "data": data,
    }
    return Work("events.v1", {}, [event])


async def applied(works: Sequence[Work]) -> dict[str, list[CompletedCommand]]:
    seen: dict[str, list[CompletedCommand]] = {}

    def handler(action: str) -> CompletedHandler:
        async def handle(_: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
            assert action not in seen
            seen[action] = list(commands)

        return handle

    connection = cast(AsyncConnection, None)
    handlers = {(OCPP16, name): handler(name) for name in ("Reset", "GetLog")}
    await apply_completed(connection, works, handlers)
    return seen


async def test_each_handler_gets_the_commands_of_its_version_and_action_by_station() -> None:
    seen = await applied(
        [
            work(ended(IDS[3])),
            work(ended(IDS[2])),
            work(ended(IDS[1], action="GetLog")),
            work(ended(IDS[0], action="ClearCache")),
            work(ended(IDS[0]) | {"ocpp_version": "ocpp201"}),
            work({"reason": "offline"}, "station.offline"),
        ]
    )
    assert {name: [one.command_id for one in found] for name, found in seen.items()} == {
        "Reset": [IDS[2], IDS[3]],
        "GetLog": [IDS[1]],
    }


async def test_an_end_says_its_version_or_is_of_the_first() -> None:
    told = [work(ended(IDS[0]) | {"ocpp_version": OCPP16}), work(ended(IDS[1]))]
    assert len((await applied(told))["Reset"]) == 2


async def test_ends_from_which_nothing_follows_are_not_handed_on() -> None:
    seen: list[int] = []

    def read(command: CompletedCommand) -> int | None:
        return command.command_id.int or None

    async def take(_: AsyncConnection, ends: Sequence[int]) -> None:
        seen.extend(ends)

    connection = cast(AsyncConnection, None)
    works = [work(ended(command_id)) for command_id in IDS]
    await apply_completed(connection, works, {(OCPP16, "Reset"): following(read, take)})
    assert sorted(seen) == [1, 2, 3]


@given(st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(["outcome_unknown", "error"]))))
async def test_a_late_answer_stands_for_its_command_in_any_order(
    told: list[tuple[UUID, str]],
) -> None:
    seen = await applied([work(ended(command_id, status)) for command_id, status in told])
    expected = dict(sorted(told, key=lambda one: one[1], reverse=True))
    found = {one.command_id: one.status for one in seen.get("Reset", [])}
    assert found == expected


@pytest.mark.parametrize(
    ("action", "payload", "expected"),
    [
        ("Reset", {"type": "Soft"}, "command.completed.Reset"),
        ("GetConfiguration", {}, "command.completed.GetConfiguration"),
        ("ClearCache", {}, "command.completed"),
        ("Frobnicate", {}, "command.completed"),
        ("RemoteStartTransaction", {"idTag": "T"}, "command.completed"),
        (
            "RemoteStartTransaction",
            {"idTag": "T", "chargingProfile": {}},
            "command.completed.RemoteStartTransaction",
        ),
    ],
)
def test_only_the_ends_of_followed_commands_name_their_action(
    action: str, payload: dict[str, Any], expected: str
) -> None:
    assert completed_key(OCPP16, action, payload) == expected


async def test_an_event_without_its_command_is_refused() -> None:
    with pytest.raises(ValidationError):
        await applied([work({"action": "Reset"})])


async def test_an_end_in_the_words_of_a_later_version_keeps_nobody_elses_from_its_handler() -> None:
    later = {**ended(IDS[0]), "ocpp_version": "ocpp99", "response": {"status": ["Accepted"]}}
    seen = await applied([work(later), work(ended(IDS[1]))])
    assert IDS[1] in {one.command_id for one in seen["Reset"]}

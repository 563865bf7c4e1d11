"""Which transaction belongs to which remote start."""

from typing import Any, NoReturn
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from command_api.commands.domain.preparation import AskedCommand, Prepared
from command_api.commands.domain.remote_starts import (
    WINDOW_MS,
    AwaitedStart,
    RemoteStart,
    SeenStart,
    link,
)
from command_api.ocpp.preparations import Preparations
from csms_shared.ocpp.versions import OCPP16


def remote(
    number: int, created_ms: int = 0, connector: int | None = None, token: str = "tag"
) -> RemoteStart:
    return RemoteStart(UUID(int=number), "S1", token, connector, created_ms)


def start(number: int, seen_ms: int = 1_000, connector: int = 1, token: str = "TAG") -> SeenStart:
    return SeenStart(number, "S1", token, connector, seen_ms)


def numbers(pairs: list[tuple[RemoteStart, SeenStart]]) -> list[tuple[int, int]]:
    return [(command.command_id.int, found.transaction_id) for command, found in pairs]


class Nobody:
    """Is asked nothing."""

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> NoReturn:
        raise AssertionError(operation)


async def awaited(action: str, payload: dict[str, Any]) -> AwaitedStart | None:
    asked = AskedCommand("S1", OCPP16, action, payload, held=False)
    prepared = await Preparations(Nobody(), min_password_length=16).prepare(asked)
    assert isinstance(prepared, Prepared)
    return prepared.awaited_start


def test_token_counts_in_any_case() -> None:
    assert numbers(link([remote(1)], [start(7)])) == [(1, 7)]


async def test_blanks_around_a_token_are_none_of_it() -> None:
    start_of = await awaited("RemoteStartTransaction", {"idTag": " Tag "})
    assert start_of == AwaitedStart("tag", None)
    assert numbers(link([remote(1)], [start(7, token=" TAG")])) == [(1, 7)]
    # As releases before kept the token of a command.
    assert numbers(link([remote(1, token=" tag ")], [start(7, token=" Tag ")])) == [(1, 7)]


def test_another_token_or_station_is_not_linked() -> None:
    assert link([remote(1)], [start(7, token="other")]) == []
    elsewhere = SeenStart(7, "S2", "tag", 1, 1_000)
    assert link([remote(1)], [elsewhere]) == []


def test_the_connector_counts_where_it_was_given() -> None:
    assert link([remote(1, connector=2)], [start(7, connector=1)]) == []
    assert numbers(link([remote(1, connector=2)], [start(7, connector=2)])) == [(1, 7)]


def test_a_start_before_the_command_or_after_the_window_is_not_linked() -> None:
    assert link([remote(1, created_ms=100_000)], [start(7, seen_ms=10_000)]) == []
    assert link([remote(1)], [start(7, seen_ms=WINDOW_MS + 1)]) == []


def test_one_start_is_used_once_and_the_oldest_command_gets_the_oldest_start() -> None:
    commands = [remote(2, created_ms=500), remote(1)]
    assert numbers(link(commands, [start(7)])) == [(1, 7)]
    both = link(commands, [start(8, seen_ms=2_000), start(7)])
    assert numbers(both) == [(1, 7), (2, 8)]


async def test_only_remote_starts_want_a_transaction() -> None:
    assert await awaited("Reset", {"type": "Soft"}) is None
    started = await awaited("RemoteStartTransaction", {"idTag": "Abc", "connectorId": 2})
    assert started == AwaitedStart("abc", 2)


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.sampled_from([None, 1, 2])), max_size=6),
    st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 2)), max_size=6),
)
def test_no_command_and_no_start_is_ever_used_twice(
    commands: list[tuple[int, int | None]], starts: list[tuple[int, int]]
) -> None:
    pairs = link(
        [remote(number, at, connector) for number, (at, connector) in enumerate(commands)],
        [start(number, at, connector) for number, (at, connector) in enumerate(starts)],
    )
    assert len({command.command_id for command, _ in pairs}) == len(pairs)
    assert len({found.transaction_id for _, found in pairs}) == len(pairs)

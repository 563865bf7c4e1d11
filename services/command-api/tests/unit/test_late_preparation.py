"""Held commands that are prepared when they are sent, while parts of the suite end or fail."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest
from held_commands import Gateway, Registry, Rows
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.commands.domain.preparation import CommandEdge
from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.handlers import dispatch, late_preparation
from command_api.commands.handlers import sending as sending_module
from command_api.commands.handlers.dispatch import Dispatch
from command_api.commands.handlers.late_preparation import MOST_IN_HAND
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.changes import AT_ONCE
from command_api.ocpp.preparations import Preparations
from command_api.ports import ServiceAway
from csms_shared.ocpp.intents import InstallSignedCertificate


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    rows = Rows()
    for module in (dispatch, late_preparation, sending_module):
        monkeypatch.setattr(module, "in_transaction", rows.in_transaction)
    for module in (late_preparation, sending_module):
        for name in ("lock_commands", "write_changes"):
            monkeypatch.setattr(module, name, getattr(rows, name))
    monkeypatch.setattr(late_preparation, "write_prepared", rows.write_prepared)
    for name in (
        "take_held",
        "find_unchecked",
        "take_lookups",
        "find_lookups",
        "stations_with_waiting",
    ):
        monkeypatch.setattr(dispatch, name, getattr(rows, name))
    return rows


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def sending(rows: Rows, registry: Registry, gateway: Gateway) -> Dispatch:
    edge: CommandEdge = Preparations(registry, min_password_length=16)
    return Dispatch(
        engine=cast(AsyncEngine, None),
        owners=registry,
        edge=edge,
        sender=gateway,
        watched=WatchedCommands(),
        wake_relay=lambda: None,
    )


def _to_be_prepared(chain: str, *, unchecked: bool) -> dict[str, Any]:
    """Return the fields of a command that is to be checked, or written in another version."""
    if unchecked:
        return {"unchecked": True, "payload": {"certificateChain": chain}}
    intent = InstallSignedCertificate(chain=chain)
    return {"ocpp_version": "ocpp99", "intent": intent.model_dump(mode="json")}


@pytest.mark.parametrize("unchecked", [True, False])
@pytest.mark.parametrize("chain", ["x", "x" * 2001])
async def test_a_command_whose_preparation_could_not_be_stored_waits_again(
    sending: Dispatch,
    rows: Rows,
    registry: Registry,
    gateway: Gateway,
    chain: str,
    unchecked: bool,
) -> None:
    def goes_away() -> None:
        rows.is_away = True

    registry.before = goes_away
    registry.values = {"CertificateSignedMaxChainSize": "2000"}
    command = rows.waits(**_to_be_prepared(chain, unchecked=unchecked))
    await sending.send_held(["S1"])
    await _a_moment()
    held_up = CommandStatus.WAITING if unchecked else CommandStatus.PENDING
    assert (rows.status(command), gateway.got) == (held_up, [])
    rows.is_away = False
    await sending.drain()
    assert rows.status(command) is CommandStatus.WAITING


async def test_commands_that_were_checked_at_once_do_not_fill_a_gateway(
    sending: Dispatch, rows: Rows, registry: Registry, gateway: Gateway
) -> None:
    registry.answers.clear()
    for _ in range(3 * AT_ONCE):
        rows.waits(unchecked=True)
    for _ in range(3):
        await sending.send_held(["S1"])
    await _a_moment()
    running = asyncio.create_task(sending.run())
    registry.answers.set()
    await _a_moment()
    running.cancel()
    assert len(gateway.got) == AT_ONCE
    assert sum(one.status is CommandStatus.WAITING for one in rows.commands.values()) == 16


async def test_commands_that_are_sent_again_do_not_wait_for_the_ends_of_others(
    sending: Dispatch, rows: Rows, gateway: Gateway
) -> None:
    for version in ("ocpp99", "ocpp16"):
        command = _not_written_yet(rows, version)
    rows.goes_away_then = True
    running = asyncio.create_task(sending.run())
    await _a_moment()
    running.cancel()
    assert [sent.command_id for sent in gateway.got] == [str(command.command_id)]


async def test_no_command_is_claimed_to_be_sent_again_by_a_process_that_ends(
    sending: Dispatch, rows: Rows, gateway: Gateway
) -> None:
    command = _not_written_yet(rows)
    await sending.drain()
    running = asyncio.create_task(sending.run())
    await _a_moment()
    running.cancel()
    assert (rows.commands[command.command_id], gateway.got) == (command, [])


async def test_a_command_that_is_claimed_while_the_process_ends_is_sent_before_it_has_ended(
    sending: Dispatch, rows: Rows, gateway: Gateway
) -> None:
    _not_written_yet(rows)
    rows.claims.clear()
    running = asyncio.create_task(sending.run())
    await rows.claimed.wait()
    ending = asyncio.create_task(sending.drain())
    await _a_moment()
    assert not ending.done()
    rows.claims.set()
    await ending
    running.cancel()
    assert len(gateway.got) == 1


def _not_written_yet(rows: Rows, version: str = "ocpp16") -> CommandRecord:
    """Have a command wait for a fresh look-up."""
    return rows.waits(
        status=CommandStatus.PENDING, lookup_again=True, ocpp_version=version, held=False
    )


def _away() -> None:
    raise ServiceAway("no answer")


async def _a_moment() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_taken_by_a_process_that_ends(
    sending: Dispatch, rows: Rows, gateway: Gateway
) -> None:
    command = rows.waits()
    await sending.drain()
    await sending.send_held(["S1"])
    await _a_moment()
    assert rows.status(command) is CommandStatus.WAITING
    assert gateway.got == []


async def test_what_is_being_taken_while_the_process_ends_is_sent_before_it_has_ended(
    sending: Dispatch, rows: Rows, gateway: Gateway
) -> None:
    rows.waits()
    rows.goes_on.clear()
    taking = asyncio.create_task(sending.send_held(["S1"]))
    await _a_moment()
    ending = asyncio.create_task(sending.drain())
    await _a_moment()
    assert not ending.done()
    rows.goes_on.set()
    await ending
    assert len(gateway.got) == 1
    await taking


async def test_what_is_being_taken_is_sent_though_whoever_asked_for_it_is_gone(
    sending: Dispatch, rows: Rows, gateway: Gateway
) -> None:
    rows.waits()
    rows.goes_on.clear()
    request = asyncio.create_task(sending.send_held(["S1"]))
    await _a_moment()
    request.cancel()
    await asyncio.wait([request])
    rows.goes_on.set()
    await sending.drain()
    assert len(gateway.got) == 1


async def test_a_process_that_ends_waits_for_what_is_being_put_back(
    sending: Dispatch, rows: Rows, registry: Registry
) -> None:
    registry.before = _away
    command = rows.waits(**_to_be_prepared("x", unchecked=False))
    await sending.send_held(["S1"])
    await _a_moment()
    rows.goes_on.clear()
    running = asyncio.create_task(sending.run())
    await _a_moment()
    ending = asyncio.create_task(sending.drain())
    await _a_moment()
    assert not ending.done()
    rows.goes_on.set()
    await ending
    running.cancel()
    assert rows.status(command) is CommandStatus.WAITING


async def test_a_command_that_is_being_checked_waits_should_the_process_be_killed(
    sending: Dispatch, rows: Rows, registry: Registry
) -> None:
    registry.answers.clear()
    command = rows.waits(unchecked=True)
    await sending.send_held(["S1"])
    await _a_moment()
    # Nothing was sent: the next process finds it as this one has found it.
    assert rows.commands[command.command_id] == command


async def test_checks_that_nobody_answers_are_bounded_and_all_are_answered_in_the_end(
    sending: Dispatch, rows: Rows, registry: Registry, gateway: Gateway
) -> None:
    registry.answers.clear()
    for number in range(2 * MOST_IN_HAND):
        rows.waits(unchecked=True, station_id=f"S{number}")
    stations = [command.station_id for command in rows.commands.values()]
    for _ in range(3):
        await sending.send_held(stations)
    await _a_moment()
    assert len(asyncio.all_tasks()) < MOST_IN_HAND + 100
    running = asyncio.create_task(sending.run())
    registry.answers.set()
    async with asyncio.timeout(20):
        while any(command.unchecked for command in rows.commands.values()):
            await asyncio.sleep(0.01)
    running.cancel()


async def test_stations_that_nobody_answers_about_hold_up_none_that_stands_behind_them(
    sending: Dispatch, rows: Rows, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "AGAIN_S", 0.01)
    registry.before = _away
    for number in range(MOST_IN_HAND):
        rows.waits(unchecked=True, station_id=f"S{number // 2}")
    command = _stop_by_connector(rows, "Z")
    await _until_checked(sending, rows, command)


async def test_commands_that_nobody_answers_about_hold_up_none_that_stands_behind_them(
    sending: Dispatch, rows: Rows, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "AGAIN_S", 0.01)
    registry.before = _away
    for _ in range(4 * AT_ONCE):
        rows.waits(unchecked=True)
    command = _stop_by_connector(rows, "S1")
    await _until_checked(sending, rows, command)


def _stop_by_connector(rows: Rows, station_id: str) -> CommandRecord:
    """Have a command wait that session-service alone is asked about."""
    return rows.waits(
        unchecked=True,
        station_id=station_id,
        action="RemoteStopTransaction",
        payload={"connectorId": 1},
    )


async def _until_checked(sending: Dispatch, rows: Rows, command: CommandRecord) -> None:
    running = asyncio.create_task(sending.run())
    try:
        async with asyncio.timeout(5):
            while rows.commands[command.command_id].unchecked:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()


async def test_a_command_that_another_process_has_checked_is_not_ended_by_a_later_refusal(
    sending: Dispatch, rows: Rows, registry: Registry
) -> None:
    command = rows.waits(unchecked=True, payload={"certificateChain": "x" * 2001})

    def is_sent_elsewhere() -> None:
        rows.commands[command.command_id] = replace(
            command, status=CommandStatus.PENDING, unchecked=False, attempts=1
        )

    registry.before = is_sent_elsewhere
    registry.values = {"CertificateSignedMaxChainSize": "2000"}
    await sending.send_held(["S1"])
    await _a_moment()
    await sending.drain()
    assert rows.status(command) is CommandStatus.PENDING

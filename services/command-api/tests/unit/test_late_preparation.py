"""Held commands that are prepared when they are sent, while parts of the suite end or fail."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.commands.domain.preparation import CommandEdge
from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.handlers import dispatch, late_preparation
from command_api.commands.handlers.dispatch import Dispatch
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.changes import AT_ONCE
from command_api.ocpp.preparations import Preparations
from command_api.ports import ServiceAway
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.commands import Command
from csms_shared.contracts.stations import OwnerView, RegistrationStatus
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable


class Rows:
    """The table of commands, in a database that may be away and may be slow."""

    def __init__(self) -> None:
        self.commands: dict[UUID, CommandRecord] = {}
        self.is_away = False
        self.goes_away_then = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def waits(self, payload: dict[str, Any] | None = None, **fields: Any) -> CommandRecord:
        now = now_ms()
        command = CommandRecord(
            command_id=new_command_id(now),
            station_id="S1",
            action="CertificateSigned",
            ocpp_version="ocpp16",
            payload=payload or {"certificateChain": "x"},
            status=CommandStatus.WAITING,
            created_by="station-registry",
            created_ms=now,
            deadline_ms=now + 600_000,
            held=True,
            **fields,
        )
        self.commands[command.command_id] = command
        return command

    def status(self, command: CommandRecord) -> CommandStatus:
        return self.commands[command.command_id].status

    async def in_transaction(self, _: object, work: Callable[[Any], Awaitable[Any]]) -> Any:
        await self.goes_on.wait()
        if self.is_away:
            raise Unavailable("the database is away")
        return await work(None)

    async def lock_commands(self, _: object, ids: Iterable[UUID]) -> dict[UUID, CommandRecord]:
        return {command_id: self.commands[command_id] for command_id in ids}

    async def write_changes(self, _: object, changed: Sequence[CommandRecord]) -> None:
        self.commands.update({command.command_id: command for command in changed})

    async def write_prepared(self, _: object, command: CommandRecord) -> bool:
        self.commands[command.command_id] = command
        return True

    async def stations_with_waiting(self, *_: object) -> list[str]:
        return sorted({one.station_id for one in self.commands.values() if one.status == "waiting"})

    async def find_lookups(self, *_: object) -> list[tuple[UUID, str]]:
        return [
            (one.command_id, one.station_id)
            for one in self.commands.values()
            if one.lookup_again and one.status is CommandStatus.PENDING
        ]

    async def take_lookups(self, _: object, ids: Sequence[UUID]) -> list[CommandRecord]:
        taken = [
            replace(one, lookup_again=False, attempts=one.attempts + 1)
            for one in map(self.commands.__getitem__, ids)
        ]
        self.commands.update({command.command_id: command for command in taken})
        self.is_away = self.goes_away_then
        return taken

    async def take_held(self, *_: object) -> list[CommandRecord]:
        under_way = sum(
            command.status is CommandStatus.PENDING and not command.unchecked
            for command in self.commands.values()
        )
        waiting = sorted(
            (one for one in self.commands.values() if one.status is CommandStatus.WAITING),
            key=lambda command: (command.unchecked, command.command_id),
        )
        taken = [
            replace(command, status=CommandStatus.PENDING, attempts=command.attempts + 1)
            for command in waiting[: max(AT_ONCE - under_way, 0)]
        ]
        self.commands.update({command.command_id: command for command in taken})
        return taken


class Registry:
    """Knows that every station is there, and what `before` lets it say of its configuration."""

    def __init__(self) -> None:
        self.before: Callable[[], None] = lambda: None
        self.values: dict[str, str] = {}
        self.answers = asyncio.Event()
        self.answers.set()

    async def find(self, station_id: str) -> OwnerView:
        raise AssertionError

    async def find_fresh(self, station_ids: Sequence[str]) -> dict[str, OwnerView]:
        return {
            station_id: OwnerView(
                station_id=station_id,
                known=True,
                gateway_id="gateway-1",
                epoch=1,
                ocpp_version="ocpp16",
                registration_status=RegistrationStatus.ACCEPTED,
            )
            for station_id in station_ids
        }

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, str]:
        self.before()
        await self.answers.wait()
        return self.values


class Gateway:
    def __init__(self) -> None:
        self.got: list[Command] = []

    async def send(self, gateway_id: str, command: Command) -> bool:
        self.got.append(command)
        return True


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    rows = Rows()
    for module in (dispatch, late_preparation):
        for name in ("in_transaction", "lock_commands", "write_changes"):
            monkeypatch.setattr(module, name, getattr(rows, name))
    monkeypatch.setattr(late_preparation, "write_prepared", rows.write_prepared)
    for name in ("take_held", "take_lookups", "find_lookups", "stations_with_waiting"):
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


@pytest.mark.parametrize("chain", ["x", "x" * 2001])
async def test_a_command_whose_preparation_could_not_be_stored_waits_again(
    sending: Dispatch, rows: Rows, registry: Registry, gateway: Gateway, chain: str
) -> None:
    def goes_away() -> None:
        rows.is_away = True

    registry.before = goes_away
    registry.values = {"CertificateSignedMaxChainSize": "2000"}
    command = rows.waits(unchecked=True, payload={"certificateChain": chain})
    await sending.send_held(["S1"])
    await _a_moment()
    assert (rows.status(command), gateway.got) == (CommandStatus.PENDING, [])
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
        command = rows.waits()
        rows.commands[command.command_id] = replace(
            command,
            status=CommandStatus.PENDING,
            lookup_again=True,
            ocpp_version=version,
            held=False,
        )
    rows.goes_away_then = True
    running = asyncio.create_task(sending.run())
    await _a_moment()
    running.cancel()
    assert [sent.command_id for sent in gateway.got] == [str(command.command_id)]


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


async def test_a_process_that_ends_waits_for_what_is_being_put_back(
    sending: Dispatch, rows: Rows, registry: Registry
) -> None:
    registry.before = _away
    command = rows.waits(unchecked=True)
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

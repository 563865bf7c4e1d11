"""A table of commands, a registry and a gateway without nodes; each may be slow or away."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.store.changes import AT_ONCE
from csms_shared.broker.topology import SESSION_SERVICE
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
        # That look-ups are being claimed, and whether they may be.
        self.claimed = asyncio.Event()
        self.claims = asyncio.Event()
        self.claims.set()

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
        )
        command = replace(command, **fields)
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

    async def write_prepared(self, _: object, known: CommandRecord, ready: CommandRecord) -> bool:
        if self.commands[known.command_id] != known:
            return False
        self.commands[ready.command_id] = ready
        return True

    async def stations_with_waiting(
        self, _: object, among: Sequence[str] | None, after: str, limit: int
    ) -> list[str]:
        stations = {one.station_id for one in self.commands.values() if one.status == "waiting"}
        if among is not None:
            stations &= set(among)
        return sorted(station_id for station_id in stations if station_id > after)[:limit]

    async def find_lookups(self, *_: object) -> list[tuple[UUID, str]]:
        return [
            (one.command_id, one.station_id)
            for one in self.commands.values()
            if one.lookup_again and one.status is CommandStatus.PENDING
        ]

    async def take_lookups(self, _: object, ids: Sequence[UUID]) -> list[CommandRecord]:
        self.claimed.set()
        await self.claims.wait()
        taken = [
            replace(one, lookup_again=False, attempts=one.attempts + 1)
            for one in map(self.commands.__getitem__, ids)
        ]
        self.commands.update({command.command_id: command for command in taken})
        self.is_away = self.goes_away_then
        return taken

    async def take_held(self, _: object, ready: Sequence[str], *__: object) -> list[CommandRecord]:
        places = dict.fromkeys(ready, AT_ONCE)
        for one in self.commands.values():
            if one.status is CommandStatus.PENDING and one.station_id in places:
                places[one.station_id] -= 1
        taken = []
        for command in sorted(self._waiting(unchecked=False), key=lambda one: one.command_id):
            if places.get(command.station_id, 0) > 0:
                places[command.station_id] -= 1
                pending = replace(
                    command, status=CommandStatus.PENDING, attempts=command.attempts + 1
                )
                taken.append(pending)
        self.commands.update({command.command_id: command for command in taken})
        return taken

    async def find_unchecked(
        self,
        _: object,
        ready: Sequence[str],
        *given: Any,
    ) -> list[CommandRecord]:
        in_hand, held_up, limit = given[-3:]
        waiting: dict[str, list[CommandRecord]] = {station_id: [] for station_id in ready}
        for one in self._waiting(unchecked=True):
            if one.station_id in waiting and one.command_id not in in_hand:
                waiting[one.station_id].append(one)
        for station_id in set(held_up) & waiting.keys():
            random.shuffle(waiting[station_id])
        found = [one for of_station in waiting.values() for one in of_station[:AT_ONCE]]
        return random.sample(found, min(limit, len(found)))

    def _waiting(self, *, unchecked: bool) -> list[CommandRecord]:
        return [
            one
            for one in self.commands.values()
            if one.status is CommandStatus.WAITING and one.unchecked is unchecked
        ]


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

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if service == SESSION_SERVICE:
            return {"1": 7}
        self.before()
        await self.answers.wait()
        return self.values


class Gateway:
    """Takes every command."""

    def __init__(self) -> None:
        self.got: list[Command] = []

    async def send(self, gateway_id: str, command: Command) -> bool:
        self.got.append(command)
        return True

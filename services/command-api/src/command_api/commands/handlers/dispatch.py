"""From a stored command to the gateway that holds the socket.

A command is resolved and published once; when it is known not to have been written, resolved
afresh and published once more; then it is `station_offline`. A held one goes back to `waiting`.
None is sent to a station that speaks another version than the command is stored in: a held one may
be written anew (`late_preparation`), every other ends in `error`.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.commands.domain.preparation import (
    CommandEdge,
    error_of,
    refusal_of_version,
    seen_by,
)
from command_api.commands.domain.registration import NOT_WHILE_PENDING, refusal_by_registration
from command_api.commands.domain.states import CommandRecord, CommandStatus, after_report, ended
from command_api.commands.handlers.late_preparation import AGAIN_S, MOST_IN_HAND, LatePreparation
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.changes import (
    find_lookups,
    find_unchecked,
    lock_commands,
    take_held,
    take_lookups,
    write_changes,
)
from command_api.commands.store.queries import stations_with_waiting
from command_api.ports import CommandSender, OwnerDirectory, ServiceAway
from csms_shared.contracts.commands import Command, CommandOutcome, CommandReport
from csms_shared.contracts.stations import OwnerView, RegistrationStatus
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available

log = structlog.get_logger(__name__)

LOOKUP_POLL_S = 2.0
HELD_SWEEP_S = 30.0
_PAGE = 500
_MAX_SECRETS = 10_000
_MAX_WOKEN = 50_000
_OWN_REPORTS = "command-api"


class Dispatch:
    """Sends commands, and sends again what was not written."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        owners: OwnerDirectory,
        edge: CommandEdge,
        sender: CommandSender,
        watched: WatchedCommands,
        wake_relay: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._owners = owners
        self._sender = sender
        self._watched = watched
        self._wake_relay = wake_relay
        self._late = LatePreparation(engine, edge)
        # Real payloads of commands that are stored masked; this process alone can send them.
        self._secrets: OrderedDict[UUID, dict[str, Any]] = OrderedDict()
        self._sending: set[asyncio.Task[None]] = set()
        self._is_ending = False
        self._lookups = asyncio.Event()
        self._connected: set[str] = set()
        self._held = asyncio.Event()
        # Stations with commands that there was no room to check.
        self._short: set[str] = set()

    def keep_secret(self, command_id: UUID, payload: dict[str, Any]) -> None:
        """Remember what the stored payload hides, for as long as the command may be sent."""
        self._secrets[command_id] = payload
        while len(self._secrets) > _MAX_SECRETS:
            self._secrets.popitem(last=False)

    async def send_first(self, command: CommandRecord, owner: OwnerView) -> None:
        """Send a command that was just stored as `pending`, or end it where nobody can.

        Returns before the broker has confirmed: the station may be faster than that.
        """
        if owner.gateway_id is None or owner.epoch is None:
            await self._finish([command], CommandStatus.STATION_OFFLINE)
        elif not await self._end_of_other_version(command, owner):
            self._start_sending([(command, owner)])

    async def drain(self) -> None:
        """Take nothing more that waits, and wait for what is being sent.

        What waits is sent by another process, or by the next one.
        """
        self._is_ending = True
        while self._sending:
            await asyncio.gather(*self._sending, return_exceptions=True)
        try:
            await self._late.put_back()
        except Unavailable as error:
            log.warning("checks_not_stored", error=str(error))

    async def send_held(self, station_ids: Sequence[str]) -> None:
        """Send what waits for these stations, those that are connected and may have it.

        Raises:
            ServiceAway: the registry does not answer; everything stays `waiting`.
        """
        owners = await self._owners.find_fresh(station_ids)
        ready = [
            station_id
            for station_id, owner in owners.items()
            if owner.gateway_id is not None
            and owner.registration_status is not RegistrationStatus.REJECTED
        ]
        if ready:
            await self._take(lambda: self._take_and_send(ready, owners))

    async def _take(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do what takes commands to be sent, if nothing ends.

        Nothing that was taken is left unsent: a process that ends waits for it (`drain`), and it
        goes on though whoever waits here is cancelled, as a request is that takes too long then.
        """
        if not self._is_ending:
            await asyncio.shield(self._start(work()))

    async def _take_and_send(self, ready: Sequence[str], owners: Mapping[str, OwnerView]) -> None:
        pending = [
            station_id
            for station_id in ready
            if owners[station_id].registration_status is RegistrationStatus.PENDING
        ]
        commands = await self._in_transaction(
            lambda connection: take_held(connection, ready, pending, NOT_WHILE_PENDING)
        )
        self._send_taken(commands, owners)
        await self._check(ready, pending, owners)

    def _send_taken(
        self, commands: Sequence[CommandRecord], owners: Mapping[str, OwnerView]
    ) -> None:
        sendable: list[tuple[CommandRecord, OwnerView]] = []
        for command in commands:
            owner = owners[command.station_id]
            if self._late.is_needed(command, owner):
                self._start(self._prepare_and_send(command, owner))
            else:
                sendable.append((command, owner))
        self._start_sending(sendable)

    async def _check(
        self, ready: Sequence[str], pending: Sequence[str], owners: Mapping[str, OwnerView]
    ) -> None:
        """Begin to check what has to be, as much as there is room for."""
        if self._is_ending:
            return
        room, in_hand, held_up = self._late.room, self._late.in_hand, self._late.held_up
        found: list[CommandRecord] = await self._in_transaction(
            lambda connection: find_unchecked(
                connection, ready, pending, NOT_WHILE_PENDING, in_hand, held_up, room + 1
            )
        )
        taken = self._late.take(found)
        if len(taken) < len(found) and len(self._short) < _MAX_WOKEN:
            self._short.update(command.station_id for command in found)
            self._short.update(ready if len(found) > room else ())
        for command in taken:
            self._start(self._prepare_and_send(command, owners[command.station_id]))

    async def _prepare_and_send(self, command: CommandRecord, owner: OwnerView) -> None:
        try:
            ready = await self._late.prepare(command, owner)
            if ready is None:
                return
            if ready.error is not None:
                await self._finish([command], CommandStatus.ERROR, ready.error)
                self._late.done(command)
            elif ready.status is CommandStatus.WAITING:
                self._late.done(command)
                self.wake_held([ready.station_id])
            else:
                self._start_sending([(ready, owner)])
        except Unavailable as error:
            # Nothing was sent, and that could not be stored: it is, once the database is back.
            self._late.not_yet(command)
            log.warning("preparation_not_stored", station_id=command.station_id, error=str(error))
        except Exception:
            # A defect over one command: it waits for a program without, until its own deadline.
            self._late.not_yet(command)
            log.exception("preparation_failed", command_id=str(command.command_id))
        finally:
            self._check_more()

    def _check_more(self) -> None:
        """Have what there was no room for checked once half of it is free."""
        if self._short and self._late.room * 2 >= MOST_IN_HAND:
            short, self._short = self._short, set()
            self.wake_held(sorted(short))

    def wake_lookups(self) -> None:
        """Tell that commands may wait for a fresh look-up."""
        self._lookups.set()

    def wake_held(self, station_ids: Sequence[str]) -> None:
        """Tell that these stations have connected, or may be sent more: a held command has ended.

        Beyond the bound they are left to the sweep.
        """
        if len(self._connected) < _MAX_WOKEN:
            self._connected.update(station_ids)
            self._held.set()

    async def run(self) -> None:
        """Look up again, dispatch and sweep until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._look_up_again, self._lookups, LOOKUP_POLL_S))
            group.create_task(self._repeat(self._send_to_connected, self._held, HELD_SWEEP_S))
            group.create_task(self._repeat(self._sweep_held, asyncio.Event(), HELD_SWEEP_S))
            group.create_task(self._repeat(self._put_back, asyncio.Event(), AGAIN_S))

    async def _repeat(
        self, round_: Callable[[], Awaitable[None]], wake: asyncio.Event, poll_s: float
    ) -> None:
        retrying = until_available(ServiceAway, Unavailable, on_failure=_log_wait)
        while True:
            await retrying(round_)
            try:
                async with asyncio.timeout(poll_s):
                    await wake.wait()
            except TimeoutError:
                pass
            wake.clear()

    async def _look_up_again(self) -> None:
        due = await self._in_transaction(lambda connection: find_lookups(connection, _PAGE))
        if not due:
            return
        owners = await self._owners.find_fresh(sorted({station_id for _, station_id in due}))
        await self._take(
            lambda: self._claim_and_send([command_id for command_id, _ in due], owners)
        )

    async def _claim_and_send(self, due: Sequence[UUID], owners: Mapping[str, OwnerView]) -> None:
        commands = await self._in_transaction(lambda connection: take_lookups(connection, due))
        of_other_version: list[tuple[CommandRecord, OwnerView]] = []
        offline: list[CommandRecord] = []
        sendable: list[tuple[CommandRecord, OwnerView]] = []
        for command in commands:
            owner = seen_by(command.tenant_id, owners[command.station_id])
            if refusal_of_version(command.ocpp_version, owner) is not None:
                of_other_version.append((command, owner))
                continue
            refused = refusal_by_registration(
                command.station_id,
                command.ocpp_version,
                command.action,
                owner.registration_status,
            )
            if owner.gateway_id is None or refused is not None or self._lost_secret(command):
                offline.append(command)
            else:
                sendable.append((command, owner))
        # First: they are claimed, and nobody else sends them should the database be away now.
        self._start_sending(sendable)
        await self._finish(offline, CommandStatus.STATION_OFFLINE)
        for command, owner in of_other_version:
            await self._end_of_other_version(command, owner)

    async def _send_to_connected(self) -> None:
        woken, self._connected = self._connected, set()
        if not woken:
            return
        try:
            waiting = await self._page_of(sorted(woken))
            if waiting:
                await self.send_held(waiting)
            if len(waiting) == _PAGE:
                self.wake_held(sorted(woken - set(waiting)))
        except (ServiceAway, Unavailable):
            self._connected |= woken
            raise

    async def _page_of(self, woken: Sequence[str]) -> list[str]:
        """Return those of the stations that commands wait for, a page at most.

        Where there are more it begins anywhere: the first page takes what room there is for checks,
        again and again while nobody answers.
        """
        after = random.choice(woken) if len(woken) > _PAGE else ""  # noqa: S311 - a place to begin

        async def work(connection: AsyncConnection) -> list[str]:
            found = await stations_with_waiting(connection, woken, after, _PAGE)
            if after and len(found) < _PAGE:
                found += await stations_with_waiting(connection, woken, "", _PAGE - len(found))
            return list(dict.fromkeys(found))

        found: list[str] = await self._in_transaction(work)
        return found

    async def _sweep_held(self) -> None:
        after = ""
        while True:
            stations = await self._waiting_after(after)
            if stations:
                await self.send_held(stations)
            if len(stations) < _PAGE:
                return
            after = stations[-1]

    async def _waiting_after(self, station_id: str) -> list[str]:
        return await in_transaction(
            self._engine,
            lambda connection: stations_with_waiting(connection, None, station_id, _PAGE),
        )

    async def _put_back(self) -> None:
        stations = await self._late.put_back()
        if stations:
            self.wake_held(stations)
            self._check_more()

    async def _end_of_other_version(self, command: CommandRecord, owner: OwnerView) -> bool:
        """End a command whose station speaks another version by now; tell whether it does."""
        refusal = refusal_of_version(command.ocpp_version, owner)
        if refusal is not None:
            await self._finish([command], CommandStatus.ERROR, error_of(refusal))
        return refusal is not None

    def _lost_secret(self, command: CommandRecord) -> bool:
        return command.rotation_proofs is not None and command.command_id not in self._secrets

    def _start_sending(self, sendable: Iterable[tuple[CommandRecord, OwnerView]]) -> None:
        """Send to each gateway by itself: nobody waits for one that does not confirm."""
        by_gateway: dict[str, list[tuple[CommandRecord, Command]]] = {}
        for command, owner in sendable:
            message = self._message(command, owner)
            by_gateway.setdefault(str(owner.gateway_id), []).append((command, message))
        for gateway_id, commands in by_gateway.items():
            self._start(self._send(gateway_id, commands))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        sending = asyncio.create_task(work)
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        return sending

    async def _send(
        self, gateway_id: str, commands: Sequence[tuple[CommandRecord, Command]]
    ) -> None:
        may_have_it = await asyncio.gather(
            *(self._sender.send(gateway_id, message) for _, message in commands)
        )
        lost = [
            command
            for (command, _), stored in zip(commands, may_have_it, strict=True)
            if not stored
        ]
        try:
            if lost:
                await self._not_written(lost)
        except Unavailable as error:
            # Not written, and that could not be stored: the sweeper ends the commands.
            log.warning("refusals_not_stored", commands=len(lost), error=str(error))

    def _message(self, command: CommandRecord, owner: OwnerView) -> Command:
        return Command(
            command_id=str(command.command_id),
            station_id=command.station_id,
            epoch=owner.epoch or 0,
            action=command.action,
            payload=self._secrets.get(command.command_id, command.payload),
            deadline_ms=command.attempt_deadline_ms or command.deadline_ms,
            attempt=command.attempts,
        )

    async def _not_written(self, commands: Sequence[CommandRecord]) -> None:
        """Treat a returned message like a gateway's word that nothing was written."""
        now = now_ms()
        attempts = {command.command_id: command.attempts for command in commands}

        async def work(connection: AsyncConnection) -> list[CommandRecord]:
            locked = await lock_commands(connection, attempts)
            changed = [
                after
                for command in locked.values()
                if (
                    after := after_report(
                        command,
                        CommandReport(
                            command_id=str(command.command_id),
                            station_id=command.station_id,
                            outcome=CommandOutcome.NOT_OWNER,
                            at_ms=now,
                            attempt=attempts[command.command_id],
                        ),
                        _OWN_REPORTS,
                        now,
                    )
                )
            ]
            await write_changes(connection, changed)
            return changed

        changed = await self._in_transaction(work)
        self._tell(changed)
        if any(command.lookup_again for command in changed):
            self.wake_lookups()

    async def _finish(
        self,
        commands: Sequence[CommandRecord],
        status: CommandStatus,
        error: dict[str, Any] | None = None,
    ) -> None:
        if not commands:
            return
        now = now_ms()
        known = {command.command_id: (command.status, command.unchecked) for command in commands}

        async def work(connection: AsyncConnection) -> list[CommandRecord]:
            locked = await lock_commands(connection, known)
            changed = [
                replace(ended(command, status, now), error=error)
                for command in locked.values()
                # Whoever has checked it meanwhile may have sent it.
                if (command.status, command.unchecked) == known[command.command_id]
            ]
            await write_changes(connection, changed)
            return changed

        self._tell(await self._in_transaction(work))

    def _tell(self, changed: Sequence[CommandRecord]) -> None:
        for command in changed:
            self._watched.became(command)
            if command.status.is_final:
                self._secrets.pop(command.command_id, None)
        self._wake_relay()

    async def _in_transaction(self, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        return await in_transaction(self._engine, work)


async def _log_wait(error: BaseException) -> None:
    log.warning("dispatch_waits", error=str(error))

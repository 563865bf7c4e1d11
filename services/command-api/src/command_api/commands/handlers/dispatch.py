"""From a stored command to the gateway that holds the socket.

A command is resolved and published once; when it is known not to have been written, resolved
afresh and published once more; then it is `station_offline`. A held one goes back to `waiting`.
None is sent to a station that speaks another version than the command is stored in: a held one may
be written anew (`late_preparation`), every other ends in `error`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.commands.domain.preparation import (
    CommandEdge,
    refusal_of_version,
    seen_by,
)
from command_api.commands.domain.registration import NOT_WHILE_PENDING, refusal_by_registration
from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.handlers.late_preparation import AGAIN_S, MOST_IN_HAND, LatePreparation
from command_api.commands.handlers.sending import Sending
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.changes import (
    find_lookups,
    find_unchecked,
    take_held,
    take_lookups,
)
from command_api.commands.store.queries import stations_with_waiting
from command_api.ports import CommandSender, OwnerDirectory, ServiceAway
from csms_shared.contracts.stations import OwnerView, RegistrationStatus
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available

log = structlog.get_logger(__name__)

LOOKUP_POLL_S = 2.0
HELD_SWEEP_S = 30.0
_PAGE = 500
_MAX_WOKEN = 50_000


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
        self._sending = Sending(
            engine=engine,
            sender=sender,
            watched=watched,
            wake_relay=wake_relay,
            wake_lookups=self.wake_lookups,
        )
        self._late = LatePreparation(engine, edge)
        self._is_ending = False
        self._lookups = asyncio.Event()
        self._connected: set[str] = set()
        self._held = asyncio.Event()
        # Stations with commands that there was no room to check.
        self._short: set[str] = set()

    def keep_secret(self, command_id: UUID, payload: dict[str, Any]) -> None:
        """Remember what the stored payload hides, for as long as the command may be sent."""
        self._sending.keep_secret(command_id, payload)

    async def send_first(self, command: CommandRecord, owner: OwnerView) -> None:
        """Send a command that was just stored as `pending`, or end it where nobody can.

        Returns before the broker has confirmed: the station may be faster than that.
        """
        if owner.gateway_id is None or owner.epoch is None:
            await self._sending.finish([command], CommandStatus.STATION_OFFLINE)
        elif not await self._sending.end_of_other_version(command, owner):
            self._sending.send([(command, owner)])

    async def drain(self) -> None:
        """Take nothing more that waits, and wait for what is being sent.

        What waits is sent by another process, or by the next one.
        """
        self._is_ending = True
        await self._sending.until_sent()
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
            await asyncio.shield(self._sending.start(work()))

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
                self._sending.start(self._prepare_and_send(command, owner))
            else:
                sendable.append((command, owner))
        self._sending.send(sendable)

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
            self._sending.start(self._prepare_and_send(command, owners[command.station_id]))

    async def _prepare_and_send(self, command: CommandRecord, owner: OwnerView) -> None:
        try:
            ready = await self._late.prepare(command, owner)
            if ready is None:
                return
            if ready.error is not None:
                await self._sending.finish([command], CommandStatus.ERROR, ready.error)
                self._late.done(command)
            elif ready.status is CommandStatus.WAITING:
                self._late.done(command)
                self.wake_held([ready.station_id])
            else:
                self._sending.send([(ready, owner)])
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
            if (
                owner.gateway_id is None
                or refused is not None
                or self._sending.lost_secret(command)
            ):
                offline.append(command)
            else:
                sendable.append((command, owner))
        # First: they are claimed, and nobody else sends them should the database be away now.
        self._sending.send(sendable)
        await self._sending.finish(offline, CommandStatus.STATION_OFFLINE)
        for command, owner in of_other_version:
            await self._sending.end_of_other_version(command, owner)

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

    async def _in_transaction(self, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        return await in_transaction(self._engine, work)


async def _log_wait(error: BaseException) -> None:
    log.warning("dispatch_waits", error=str(error))

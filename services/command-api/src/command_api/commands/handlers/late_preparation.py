"""Held commands that are prepared when they are sent.

Their check needs a service that did not answer when they were ordered, or their station speaks
another version by now. One that can't be prepared yet waits again, and holds up no other.
One that is to be checked goes on waiting meanwhile: whatever becomes of the process that checks it,
nothing was sent. Where two processes check it, what is stored first counts.
"""

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.commands.domain.preparation import CommandEdge
from command_api.commands.domain.states import CommandRecord, CommandStatus, waiting_again
from command_api.commands.handlers.order_preparation import checked, in_spoken_version
from command_api.commands.store.changes import lock_commands, write_changes, write_prepared
from command_api.ports import ServiceAway
from csms_shared.contracts.stations import OwnerView
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

AGAIN_S = 5.0
_WITHIN_S = 5.0
# Those that a service keeps waiting take memory here, and its time once it is back.
MOST_IN_HAND = 1_000


class LatePreparation:
    """Prepares commands that were taken to be sent, each by itself."""

    def __init__(self, engine: AsyncEngine, edge: CommandEdge) -> None:
        self._engine = engine
        self._edge = edge
        self._not_yet: list[CommandRecord] = []
        self._in_hand: set[UUID] = set()
        self._held_up: list[str] = []
        self._putting_back = asyncio.Lock()

    def is_needed(self, command: CommandRecord, owner: OwnerView) -> bool:
        """Tell whether a command that was taken can't be sent as it is stored."""
        if owner.tenant_id != command.tenant_id:
            return True
        return (owner.ocpp_version or command.ocpp_version) != command.ocpp_version

    @property
    def in_hand(self) -> Sequence[UUID]:
        """Which commands are being checked, or were and will be again when they are put back."""
        return list(self._in_hand)

    @property
    def held_up(self) -> Sequence[str]:
        """Which stations have commands that could not be checked when some were last put back."""
        return self._held_up

    @property
    def room(self) -> int:
        """How many more may be checked now."""
        return MOST_IN_HAND - len(self._in_hand)

    def take(self, found: Iterable[CommandRecord]) -> list[CommandRecord]:
        """Take unchecked commands in hand, as many as there is room for and nobody here has."""
        taken: list[CommandRecord] = []
        for command in found:
            if self.room > 0 and command.command_id not in self._in_hand:
                self._in_hand.add(command.command_id)
                taken.append(command)
        return taken

    def done(self, command: CommandRecord) -> None:
        """Make room: it is checked, or not there to be."""
        self._in_hand.discard(command.command_id)

    async def prepare(self, command: CommandRecord, owner: OwnerView) -> CommandRecord | None:
        """Return the command as it is stored now, to be sent, or with the `error` that ends it.

        One that was unchecked is `waiting` still: it took no place of its station, and gets one as
        any other does. None where it can't be prepared yet, its attempt is over, or somebody else
        has checked it.

        Raises:
            Unavailable: the database does not answer.
        """
        ready = await self._prepared(command, owner)
        if ready is None:
            self.not_yet(command)
            return None
        if ready.error is not None:
            return ready
        stored = await in_transaction(
            self._engine, lambda connection: write_prepared(connection, command, ready)
        )
        if not stored:
            self.done(command)
        return ready if stored else None

    def not_yet(self, command: CommandRecord) -> None:
        """Remember a command that will not be sent now: it is put back."""
        self._not_yet.append(command)

    async def _prepared(self, command: CommandRecord, owner: OwnerView) -> CommandRecord | None:
        try:
            written = in_spoken_version(command, owner, self._edge)
            if written.error is not None:
                return written
            async with asyncio.timeout(_WITHIN_S):
                return await checked(written, self._edge)
        except (ServiceAway, TimeoutError) as error:
            log.warning("check_waits", command_id=str(command.command_id), error=str(error))
        except Exception:
            # A defect over one command: it waits for a program without, until its own deadline.
            log.exception("check_failed", command_id=str(command.command_id))
        return None

    async def put_back(self) -> list[str]:
        """Have what could not be prepared wait again; return the stations that it waits for.

        Nothing is left of what was not prepared before the call, whoever else puts back.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._putting_back:
            return await self._put_back()

    async def _put_back(self) -> list[str]:
        put_back, self._not_yet = self._not_yet, []
        attempts = {
            command.command_id: command.attempts
            for command in put_back
            if command.status is CommandStatus.PENDING
        }

        async def work(connection: AsyncConnection) -> None:
            locked = await lock_commands(connection, attempts)
            await write_changes(
                connection,
                [
                    waiting_again(command)
                    for command in locked.values()
                    if command.status is CommandStatus.PENDING
                    and command.attempts == attempts[command.command_id]
                ],
            )

        if attempts:
            try:
                await in_transaction(self._engine, work)
            except Unavailable:
                self._not_yet += put_back
                raise
        for command in put_back:
            self.done(command)
        if put_back:
            self._held_up = sorted({command.station_id for command in put_back})
        return self._held_up if put_back else []

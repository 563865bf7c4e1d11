"""Commands that a request waits for in this process, and the latest that have ended."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from command_api.commands.domain.states import CommandRecord, after_report
from csms_shared.contracts.commands import CommandOutcome, CommandReport
from csms_shared.runtime.clock import now_ms

_REMEMBERED = 2_000
_FOR_THE_DATABASE = (CommandOutcome.NOT_OWNER, CommandOutcome.SUPERSEDED)


@dataclass(slots=True)
class _Watched:
    command: CommandRecord
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    stale: bool = False


class WatchedCommands:
    """Wakes waiting requests by the reports that reach this instance.

    The report's other copy lies in the durable queue by then, so the answer may go out before
    the row is written; until it is, `latest` shows the ended command to readers.
    """

    def __init__(self) -> None:
        self._watched: dict[UUID, list[_Watched]] = {}
        self._ended: OrderedDict[UUID, CommandRecord] = OrderedDict()
        self._closing = False

    def watch(self, command: CommandRecord) -> "Watch":
        """Begin to watch; before the command is sent, so that no report is missed."""
        return Watch(self, command)

    def reported(self, gateway_id: str, reports: Iterable[CommandReport]) -> None:
        """Take in reports from this instance's own queue."""
        now = now_ms()
        for report in reports:
            if report.outcome in _FOR_THE_DATABASE:
                continue
            watches = self._watched.get(UUID(report.command_id))
            if not watches:
                continue
            changed = after_report(watches[0].command, report, gateway_id, now)
            if changed is not None:
                self.became(changed)

    def became(self, command: CommandRecord) -> None:
        """Take in the command's new state."""
        if command.status.is_settled:
            self._ended[command.command_id] = command
            self._ended.move_to_end(command.command_id)
            while len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
        for watched in self._watched.get(command.command_id, ()):
            watched.command = command
            if command.status.is_final:
                watched.changed.set()

    def ended_elsewhere(self, command_ids: Iterable[UUID]) -> None:
        """Have the rows of these commands read by whoever waits for them."""
        for command_id in command_ids:
            for watched in self._watched.get(command_id, ()):
                if not watched.command.status.is_final:
                    watched.stale = True
                    watched.changed.set()

    def latest(self, stored: CommandRecord) -> CommandRecord:
        """Return the command as this process knows it, where that is ahead of its row."""
        if stored.status.is_settled:
            return stored
        return self._ended.get(stored.command_id, stored)

    def close(self) -> None:
        """Wake everybody who waits: the process is about to end."""
        self._closing = True
        for watches in self._watched.values():
            for watched in watches:
                watched.changed.set()


class Watch:
    """One request's interest in one command; use as a context manager."""

    def __init__(self, owner: WatchedCommands, command: CommandRecord) -> None:
        self._owner = owner
        self._id = command.command_id
        self._watched = _Watched(command)

    def __enter__(self) -> "Watch":
        self._owner._watched.setdefault(self._id, []).append(self._watched)
        return self

    def __exit__(self, *_: object) -> None:
        watches = self._owner._watched[self._id]
        watches.remove(self._watched)
        if not watches:
            del self._owner._watched[self._id]

    async def wait(self, seconds: float) -> bool:
        """Wait for the final state; true where only the row can tell it."""
        watched = self._watched
        if not watched.changed.is_set() and not self._owner._closing and seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await watched.changed.wait()
            except TimeoutError:
                pass
        return watched.stale

    @property
    def command(self) -> CommandRecord:
        """The command as last heard of."""
        return self._watched.command

"""From a group to its commands, a step at a time, and to its end.

A step is taken by whichever replica gets there first: the group's row is locked and its position
compared, so that each is taken once. Its commands are held ones from then on, and any replica sends
them (`Dispatch`): nothing is lost with the process that took the step.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.command_groups.domain import STEP, UNDER_WAY, CommandGroup
from command_api.command_groups.store import (
    cancel_overdue,
    complete_groups,
    count_commands,
    end_step,
    group_view,
    groups_to_expand,
    keep_counts,
    lock_cancelled,
    lock_step,
)
from command_api.commands.domain.preparation import CommandEdge
from command_api.commands.domain.states import (
    CommandRecord,
    CommandStatus,
    cancellation,
    ended,
)
from command_api.commands.handlers.order_preparation import in_spoken_version
from command_api.commands.store.changes import write_changes
from command_api.commands.store.inserts import NewCommand, insert_commands
from command_api.database.service_tables import outbox
from command_api.ports import OwnerDirectory, ServiceAway, ServiceFailed, Services
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.contracts.stations import OwnerView
from csms_shared.db.engine import in_transaction
from csms_shared.db.outbox import write_events
from csms_shared.db.tenancy import acting_for
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.runtime.clock import monotonic, now_ms
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available
from csms_shared.values.times import format_time_ms

log = structlog.get_logger(__name__)

POLL_S = 1.0
FAILED_AGAIN_S = 30.0
COMPLETED_KEY = "command_group.completed"
_LIMIT = 500
_CANCELLED = cancellation("its command group was cancelled before it was sent")


class Sending(Protocol):
    """What sends held commands."""

    async def send_held(self, station_ids: Sequence[str]) -> None:
        """Send what waits for these stations.

        Raises:
            ServiceAway: the registry does not answer; everything stays `waiting`.
        """
        ...

    def wake_held(self, station_ids: Sequence[str]) -> None:
        """Tell that these stations may be sent what waits for them."""
        ...


@dataclass(frozen=True, slots=True)
class _Step:
    """The stations of one step; `position` is behind them, None where they are the last."""

    station_ids: Sequence[str]
    position: str | None


class CommandGroups:
    """Makes the commands of groups, as many as there is room for."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        owners: OwnerDirectory,
        services: Services,
        edge: CommandEdge,
        sending: Sending,
        wake_relay: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._owners = owners
        self._services = services
        self._edge = edge
        self._sending = sending
        self._wake_relay = wake_relay
        self._new = asyncio.Event()
        # Until when groups are left alone over which a step has failed: others go on meanwhile.
        self._failed: dict[UUID, float] = {}

    def wake(self) -> None:
        """Tell that there is a new group."""
        self._new.set()

    async def run(self) -> None:
        """Take steps until cancelled."""
        retrying = until_available(ServiceAway, Unavailable, on_failure=_log_wait)
        while True:
            await retrying(self.expand)
            try:
                async with asyncio.timeout(POLL_S):
                    await self._new.wait()
            except TimeoutError:
                pass
            self._new.clear()

    async def expand(self) -> None:
        """Take steps of groups in turn, until none has room for one.

        Raises:
            ServiceAway: the registry does not answer.
            Unavailable: the database does not.
        """
        while groups := await self._to_expand():
            taken = [await self._try_step(group) for group in groups]
            if not any(taken):
                return

    async def _to_expand(self) -> list[CommandGroup]:
        now = monotonic()
        self._failed = {id: until for id, until in self._failed.items() if until > now}
        return await in_transaction(
            self._engine,
            lambda connection: groups_to_expand(connection, UNDER_WAY, list(self._failed)),
        )

    async def _try_step(self, group: CommandGroup) -> bool:
        try:
            return await self.take_step(group)
        except Exception as error:
            away = isinstance(error, ServiceAway | Unavailable)
            if away and not isinstance(error, ServiceFailed):
                raise
            # Over one group: the others go on, and it is tried again.
            log.exception("command_group_failed", command_group_id=str(group.command_group_id))
            self._failed[group.command_group_id] = monotonic() + FAILED_AGAIN_S
            return False

    async def take_step(self, group: CommandGroup) -> bool:
        """Make the next commands of a group and send them; false where another replica did.

        The registry is asked while no transaction is open.
        """
        with acting_for(group.tenant_id):
            step = await self._next_step(group)
        owners = await self._owners.find_fresh(step.station_ids) if step.station_ids else {}
        commands = [self._command(group, owners[name]) for name in step.station_ids]

        async def store(connection: AsyncConnection) -> bool:
            if not await lock_step(connection, group):
                return False
            await _store(connection, group, commands)
            await end_step(connection, group, step.position)
            return True

        if not await in_transaction(self._engine, store):
            return False
        self._wake_relay()
        await self._send([one.station_id for one in commands if not one.status.is_final])
        return True

    async def _next_step(self, group: CommandGroup) -> _Step:
        if group.to.station_ids is not None:
            start = int(group.position or 0)
            end = start + STEP
            more = end < len(group.to.station_ids)
            return _Step(group.to.station_ids[start:end], str(end) if more else None)
        page = await self._services.ask(
            STATION_REGISTRY,
            "stations.list",
            {
                **group.to.filter,
                "limit": STEP,
                **({} if group.position is None else {"cursor": group.position}),
            },
        )
        stations = [one["station_id"] for one in page["items"] if _is_addressed(one, group)]
        return _Step(stations, page["next_cursor"])

    def _command(self, group: CommandGroup, owner: OwnerView) -> CommandRecord:
        now = now_ms()
        deadline_ms = group.hold_until_ms or now + group.timeout_ms
        command = in_spoken_version(
            CommandRecord(
                command_id=new_command_id(now),
                tenant_id=group.tenant_id,
                station_id=owner.station_id,
                action=group.action,
                ocpp_version=group.ocpp_version,
                payload=group.payload,
                status=CommandStatus.WAITING,
                created_by=group.created_by,
                created_ms=now,
                deadline_ms=deadline_ms,
                held=True,
            ),
            owner,
            self._edge,
        )
        if command.error is not None:
            return ended(command, CommandStatus.ERROR, now)
        if deadline_ms <= now:
            return ended(command, CommandStatus.EXPIRED, now)
        if owner.gateway_id is None and group.hold_until_ms is None:
            return ended(command, CommandStatus.STATION_OFFLINE, now)
        return command

    async def _send(self, station_ids: Sequence[str]) -> None:
        if not station_ids:
            return
        try:
            await self._sending.send_held(station_ids)
        except (ServiceAway, Unavailable):
            # They are stored and wait: the next connection or sweep finds them.
            self._sending.wake_held(station_ids)


def _is_addressed(station: Mapping[str, Any], group: CommandGroup) -> bool:
    """Look whether the registry has filtered: one of another release passes over what is new."""
    site_id, tag = group.to.site_id, group.to.tag
    return (site_id is None or station.get("site_id") == site_id) and (
        tag is None or tag in station.get("tags", ())
    )


async def _store(
    connection: AsyncConnection, group: CommandGroup, commands: Sequence[CommandRecord]
) -> None:
    """Store the commands of a step as open ones, and then the ends of those that have ended."""
    new = await insert_commands(
        connection,
        [
            NewCommand(
                replace(one, status=CommandStatus.WAITING, error=None), None, group.command_group_id
            )
            for one in commands
        ],
    )
    await write_changes(
        connection, [one for one in commands if one.status.is_final and one.command_id in new]
    )


def end_cancelled(wake_relay: Callable[[], None]) -> UpkeepTask:
    """Return the task that ends what was not sent of cancelled groups, and of overdue ones."""

    async def work(connection: AsyncConnection) -> bool:
        await cancel_overdue(connection)
        found = await lock_cancelled(connection, _LIMIT)
        now = now_ms()
        await write_changes(
            connection,
            [replace(ended(one, CommandStatus.ERROR, now), error=_CANCELLED) for one in found],
        )
        wake_relay()
        return len(found) == _LIMIT

    return UpkeepTask("end_cancelled_commands", POLL_S, work)


def complete_command_groups() -> UpkeepTask:
    """Return the task that ends groups whose commands are all over, and tells of it."""

    async def work(connection: AsyncConnection) -> bool:
        groups = await complete_groups(connection, _LIMIT)
        if groups:
            counts = await count_commands(connection, [one.command_group_id for one in groups])
            await keep_counts(connection, counts)
            await write_events(
                connection,
                outbox,
                [(COMPLETED_KEY, _completed(one, counts[one.command_group_id])) for one in groups],
            )
        return len(groups) == _LIMIT

    return UpkeepTask("complete_command_groups", POLL_S, work)


def _completed(group: CommandGroup, counts: dict[str, int]) -> CloudEvent:
    id = str(group.command_group_id)
    view = group_view(group, counts)
    return CloudEvent(
        id=event_id("command_group", id, "completed"),
        source="/csms/command-api",
        type=event_type(COMPLETED_KEY),
        subject=id,
        tenantid=group.tenant_id,
        time=format_time_ms(group.completed_ms or group.created_ms),
        # Who named a thousand stations knows them.
        data={name: view[name] for name in view if name != "to"},
    )


async def _log_wait(error: BaseException) -> None:
    log.warning("command_groups_wait", error=str(error)[:200])

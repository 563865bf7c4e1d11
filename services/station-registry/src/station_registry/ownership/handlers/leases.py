"""Leases of gateways: renewed by them, watched by one replica."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import LeaseRenewal, LeaseReply
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from station_registry.database.telling import tell
from station_registry.events import Event
from station_registry.history import store as history
from station_registry.history.domain import Change
from station_registry.ownership.domain.owners import Owner
from station_registry.ownership.domain.presence import went_offline
from station_registry.ownership.handlers.connections import gone
from station_registry.ownership.handlers.system_notices import lease_ended
from station_registry.ownership.store import connections, leases
from station_registry.works import in_time, parsed

log = structlog.get_logger(__name__)

WATCH_S = 2.0
SWEPT_AT_ONCE = 5_000

# Returns those of these gateways that nobody speaks for at the broker.
Absent = Callable[[Iterable[str]], Awaitable[set[str]]]


async def renew_leases(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Renew leases; a gateway whose lease had run out is told to re-assert everything.

    A renewal that took longer than a lease to get here is no sign of life any more.
    """
    renewals = list(parsed(in_time(works, now_ms()), LeaseRenewal))
    if not renewals:
        return []
    running = await leases.renew(connection, [renewal for _, renewal in renewals])
    return [
        Reply(
            work.envelope["reply_key"],
            MessageType.LEASE_REPLY,
            LeaseReply(confirmed=running[renewal.gateway_id], own_queues=True),
            batched=False,
        )
        for work, renewal in renewals
    ]


def watch_leases(can_be_renewed: Callable[[], bool], instance: str) -> UpkeepTask:
    """Return the task that tells of stations whose gateway died.

    While `can_be_renewed` says no here, this replica does not look: what nobody looked at for a
    while has one lease of grace, for no gateway could renew either.
    """

    sweep = partial(sweep_leases, instance=instance)
    return UpkeepTask("watch_leases", WATCH_S, sweep, can_be_renewed)


def doubt_gateways(absent: Absent) -> UpkeepTask:
    """Return the task that doubts gateways which lost the broker, before their leases tell.

    It takes no connection from them: they may be back before their leases end.
    """

    async def work(connection: AsyncConnection) -> None:
        found = await absent(await leases.confirmed(connection))
        if found:
            await leases.doubt(connection, found)
            log.warning("gateways_doubted", gateways=sorted(found))

    return UpkeepTask("doubt_gateways", WATCH_S, work)


async def sweep_leases(connection: AsyncConnection, instance: str) -> None:
    """Remove the connections of expired leases and tell of it, once each.

    `instance`: who does it.
    """
    if not await leases.look(connection):
        log.info("leases_granted_grace")
        await leases.grant_grace(connection)
        return
    swept = await connections.sweep(connection, SWEPT_AT_ONCE)
    if not swept:
        return
    now = now_ms()
    events: list[Event] = []
    changes: list[Change] = []
    ended: Counter[tuple[str, int]] = Counter()
    for row in swept:
        # A connection that was re-asserted may end so again, by another end of a lease.
        expired_ms = round(row.lease_expires_at.timestamp() * 1000)
        owner = Owner(row.gateway_id, row.connection_id, row.epoch)
        change = went_offline(row.station_id, owner, "lease_expired", now)
        changes.append(change)
        events += gone(change, row.connection_id, expired_ms)
        ended[row.gateway_id, expired_ms] += 1
    events += [
        lease_ended(gateway_id, expired_ms, stations, now, instance)
        for (gateway_id, expired_ms), stations in ended.items()
    ]
    await history.save(connection, changes)
    await tell(connection, events)
    log.warning("lease_expired", stations=len(swept))

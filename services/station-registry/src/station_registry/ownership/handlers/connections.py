"""Releases, re-assertions and liveness of connections that were claimed before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.event_data.heartbeats import StationHeartbeat
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import (
    ChangedRegistration,
    Liveness,
    Reassertion,
    ReassertionReply,
    Release,
)
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.texts import is_storable
from csms_shared.values.times import format_time_ms
from station_registry.database.telling import tell
from station_registry.events import Event, fact, fact_about
from station_registry.history import store as history
from station_registry.history.domain import Change
from station_registry.ownership.domain.owners import Owner, Ownership, Verdict, reassert, release
from station_registry.ownership.domain.presence import CameOnline, came_online, went_offline
from station_registry.ownership.store import (
    claimed_stations,
    connections,
    heartbeats,
    leases,
    liveness,
)
from station_registry.provisioning import store as stations
from station_registry.provisioning.domain.registration import Policies, registration_change
from station_registry.works import in_time, parsed


async def release_connections(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Let go of the very connections named, and of no newer ones."""
    releases = [item for _, item in parsed(works, Release)]
    before = await claimed_stations.lock_for_ownership(
        connection, {item.station_id for item in releases}
    )
    after = dict(before)
    ended: list[str] = []
    events: list[Event] = []
    changes: list[Change] = []
    for item in releases:
        if (ownership := after.get(item.station_id)) is None:
            continue
        released = release(ownership, item.connection_id, item.epoch)
        after[item.station_id] = released.ownership
        if released.hit and ownership.owner is not None:
            ended.append(item.station_id)
            change = went_offline(item.station_id, ownership.owner, item.reason, item.released_ms)
            changes.append(change)
            events += gone(change, item.connection_id)
    changed = {
        station_id: ownership.released_epoch
        for station_id, ownership in after.items()
        if ownership != before[station_id]
    }
    if changed:
        await claimed_stations.save_released(connection, changed)
    if ended:
        await connections.delete(connection, ended)
    await history.save(connection, changes)
    await tell(connection, events)
    return []


def gone(change: Change, *cause: str | int) -> list[Event]:
    """Tell that a station is offline."""
    at_ms, about = change.received_ms, {"epoch": change.epoch, "reason": change.reason}
    return [
        fact(
            "station.disconnected",
            change.station_id,
            cause,
            at_ms,
            connection_id=change.connection_id,
            **about,
        ),
        fact("station.offline", change.station_id, cause, at_ms, **about),
    ]


async def reassert_connections(
    connection: AsyncConnection, works: Sequence[Work], policies: Policies
) -> list[Reply]:
    """Give connections back to the gateways that hold them; what is not theirs is returned, and so
    is a registration that the gateway does not have.

    Gateways re-assert what they hold all the time, and nearly always nothing has changed: that
    much is seen without a lock.
    """
    asserted = [
        (work, item, Owner(work.envelope["gateway_id"], item.connection_id, item.epoch))
        for work, item in parsed(in_time(works, now_ms()), Reassertion)
    ]
    if not asserted:
        return []
    unchanged = await connections.still_held(
        connection, [(item.station_id, owner) for _, item, owner in asserted]
    )
    moving = {
        item.station_id for _, item, owner in asserted if (item.station_id, owner) not in unchanged
    }
    # All that is said of such a station, in the batch's order: two incarnations of a gateway may
    # speak of one connection.
    moved = await _move(connection, [each for each in asserted if each[1].station_id in moving])
    await leases.introduce(
        connection,
        [(work.envelope["gateway_id"], work.envelope["gateway_name"]) for work, _, _ in asserted],
    )
    await history.save(connection, moved.changes)
    await tell(connection, moved.events)
    answers = {
        work.envelope["reply_key"]: ReassertionReply(superseded=[], held=[])
        for work, _, _ in asserted
    }
    for work, item in moved.superseded:
        answers[work.envelope["reply_key"]].superseded.append(item.connection_id)
    kept = [(work, item) for work, item, _ in asserted if item.station_id not in moving]
    await _answer_kept(connection, kept + moved.kept, answers, policies)
    return [
        Reply(reply_key, MessageType.REASSERTION_REPLY, answer, batched=False)
        for reply_key, answer in answers.items()
    ]


@dataclass(frozen=True, slots=True)
class _Moved:
    """What became of re-assertions that the stored owner does not confirm."""

    kept: list[tuple[Work, Reassertion]] = field(default_factory=list)
    superseded: list[tuple[Work, Reassertion]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


async def _move(
    connection: AsyncConnection, asserted: Sequence[tuple[Work, Reassertion, Owner]]
) -> _Moved:
    """Lock the stations, and write who holds them now."""
    moved = _Moved()
    if not asserted:
        return moved
    ids = {item.station_id for _, item, _ in asserted if is_storable(item.station_id)}
    known = await claimed_stations.lock_for_ownership(connection, ids)
    refused = await claimed_stations.of_suspended(connection, ids)
    now = now_ms()
    held: dict[str, connections.HeldConnection] = {}
    for work, item, owner in asserted:
        outcome = reassert(known.get(item.station_id, Ownership()), owner)
        if outcome.verdict is Verdict.SUPERSEDED or item.station_id in refused:
            moved.superseded.append((work, item))
            continue
        moved.kept.append((work, item))
        known[item.station_id] = outcome.ownership
        if outcome.verdict is Verdict.UNCHANGED:
            continue
        held[item.station_id] = connections.HeldConnection(
            item.station_id,
            owner,
            item.ocpp_version,
            item.remote_address,
            item.connected_ms,
        )
        moved.events.extend(_back(item, owner.gateway_id, outcome.verdict, now))
        if outcome.verdict is Verdict.RESTORED:
            moved.changes.append(came_online(item.station_id, owner, CameOnline.RESTORED, now))
    if held:
        await connections.save(connection, [held[station_id] for station_id in sorted(held)])
    return moved


async def _answer_kept(
    connection: AsyncConnection,
    kept: Sequence[tuple[Work, Reassertion]],
    answers: Mapping[str, ReassertionReply],
    policies: Policies,
) -> None:
    """Name what is held, and the registrations that its gateway does not have."""
    newer = await stations.newer_registrations(
        connection,
        [
            (item.station_id, item.registration_version)
            for _, item in kept
            if item.registration_version is not None and is_storable(item.station_id)
        ],
    )
    for work, item in kept:
        answer = answers[work.envelope["reply_key"]]
        assert answer.held is not None
        answer.held.append(item.connection_id)
        if (standing := newer.get(item.station_id)) is not None:
            registration = registration_change(standing, policies)
            answer.changed.append(
                ChangedRegistration(connection_id=item.connection_id, registration=registration)
            )


def _back(item: Reassertion, gateway_id: str, verdict: Verdict, at_ms: int) -> list[Event]:
    cause = (item.connection_id, gateway_id, at_ms)
    events = [
        fact(
            "station.connected",
            item.station_id,
            cause,
            at_ms,
            gateway_id=gateway_id,
            connection_id=item.connection_id,
            epoch=item.epoch,
            ocpp_version=item.ocpp_version,
            remote_address=item.remote_address,
        )
    ]
    if verdict is Verdict.RESTORED:
        events.append(fact("station.online", item.station_id, cause, at_ms, epoch=item.epoch))
    return events


async def note_liveness(
    connection: AsyncConnection, works: Sequence[Work], told_every_s: int
) -> list[Reply]:
    """Note when stations were heard last, and what was forgiven of them meanwhile.

    Of each an event is told once in `told_every_s`; none where that is 0.
    """
    heard = [item for _, item in parsed(works, Liveness)]
    if told_every_s:
        due = await heartbeats.save_heard(connection, heard, told_every_s)
        await tell(connection, [_heartbeat(one) for one in due])
    else:
        seen = [(item.station_id, item.epoch, item.last_seen_ms) for item in heard]
        await liveness.save_seen(connection, seen)
    await liveness.count_tolerated(connection, heard)
    return []


def _heartbeat(due: heartbeats.Due) -> Event:
    heard = due.heard
    data = StationHeartbeat(
        station_id=heard.station_id,
        epoch=heard.epoch,
        connection_id=heard.connection_id,
        last_seen_at=format_time_ms(heard.last_seen_ms),
    )
    return fact_about(
        "station.heartbeat",
        heard.station_id,
        (heard.station_id, heard.epoch, heard.last_seen_ms),
        heard.last_seen_ms,
        data.model_dump(),
        due.tenant_id,
    )

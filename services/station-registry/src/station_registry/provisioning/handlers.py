"""BootNotification (OCPP 1.6, 4.2), in batches."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import RegistrationChange, StationCall
from csms_shared.contracts.stations import RegistrationStatus
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from station_registry.database.tables import outbox
from station_registry.events import Told, fact_of_call
from station_registry.provisioning import store as stations
from station_registry.provisioning.domain.boots import (
    BOOT_FACT_FIELDS,
    BootDecision,
    boot_response,
    decide_boot,
    device,
)
from station_registry.provisioning.domain.registration import Policies, registration_change
from station_registry.works import call_reply, parsed


async def boot(
    connection: AsyncConnection, works: Sequence[Work], policies: Policies
) -> list[Reply]:
    """Answer boots; one past its deadline is applied all the same, and not answered."""
    now = now_ms()
    booting = sorted(parsed(works, StationCall), key=lambda pair: (pair[1].epoch, pair[1].seq))
    known = await stations.lock_for_boots(connection, {call.station_id for _, call in booting})
    applied: dict[str, tuple[dict[str, str | None], int]] = {}
    answered: list[tuple[Work, StationCall, BootDecision]] = []
    replies: list[Reply] = []
    told: list[Told] = []
    for work, call in booting:
        station = known.get(call.station_id)
        if station is None:
            replies += _answer(work, call, now, *_deleted(policies, now))
            continue
        decision = decide_boot(station, call, policies, now)
        known[call.station_id] = decision.station
        described = device(call.payload)
        if decision.applied:
            applied[call.station_id] = (described, call.received_ms)
        if decision.told:
            told += _events(decision, call, described)
        answered.append((work, call, decision))
    versions = {}
    if applied:
        versions = await stations.save_booted(
            connection,
            [(known[station_id], *applied[station_id]) for station_id in sorted(applied)],
        )
    for work, call, decision in answered:
        standing = decision.station.standing
        version = versions.get(call.station_id, standing.version)
        registration = registration_change(replace(standing, version=version), policies)
        replies += _answer(work, call, now, decision.response, registration)
    await write_events(connection, outbox, told)
    return replies


def _answer(
    work: Work,
    call: StationCall,
    now: int,
    response: dict[str, object],
    registration: RegistrationChange,
) -> list[Reply]:
    if call.deadline_ms <= now:
        return []
    return [call_reply(work, call, response, registration)]


def _deleted(policies: Policies, now: int) -> tuple[dict[str, object], RegistrationChange]:
    """Return the answer to a station that was deleted while it booted."""
    rejected = RegistrationStatus.REJECTED
    response = boot_response(rejected, None, policies, now)
    return response, RegistrationChange(
        registration_status=rejected.value,
        boot_count=0,
        heartbeat_interval_s=policies.heartbeat_interval_s,
    )


def _events(
    decision: BootDecision, call: StationCall, described: dict[str, str | None]
) -> list[Told]:
    status = decision.station.standing.status.value
    told = [
        fact_of_call(
            "station.booted",
            call,
            registration_status=status,
            **{name: described[name] for name in BOOT_FACT_FIELDS},
        )
    ]
    if decision.status_changed:
        told.append(fact_of_call("station.registration_changed", call, registration_status=status))
    return told

"""Boots of stations, in batches."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.read_calls import Answer, Call, answer
from csms_shared.contracts.stations import RegistrationStatus
from csms_shared.runtime.clock import now_ms
from station_registry.database.telling import tell
from station_registry.events import Event, fact_of_call
from station_registry.provisioning import store as stations
from station_registry.provisioning.domain.boots import (
    BOOT_FACT_FIELDS,
    BootAnswer,
    BootDecision,
    Device,
    boot_answer,
    decide_boot,
)
from station_registry.provisioning.domain.registration import Policies, registration_change


async def boot(
    connection: AsyncConnection, calls: Sequence[Call[Device]], policies: Policies
) -> list[Answer[BootAnswer]]:
    """Answer boots; one past its deadline is applied all the same, and not answered."""
    now = now_ms()
    booting = sorted(calls, key=lambda call: call.stamp)
    known = await stations.lock_for_boots(connection, {call.station_id for call in booting})
    applied: dict[str, Call[Device]] = {}
    decided: list[tuple[Call[Device], BootDecision]] = []
    answers: list[Answer[BootAnswer]] = []
    events: list[Event] = []
    for call in booting:
        station = known.get(call.station_id)
        if station is None:
            answers += _in_time(_of_a_deleted_station(call, policies, now), call, now)
            continue
        decision = decide_boot(station, call.stamp, policies, now)
        known[call.station_id] = decision.station
        if decision.applied:
            applied[call.station_id] = call
        if decision.told:
            events += _events(decision, call)
        decided.append((call, decision))
    versions = {}
    if applied:
        versions = await stations.save_booted(
            connection,
            [
                (known[station_id], call.value, call.received_ms)
                for station_id, call in sorted(applied.items())
            ],
        )
    for call, decision in decided:
        standing = decision.station.standing
        version = versions.get(call.station_id, standing.version)
        registration = registration_change(replace(standing, version=version), policies)
        answers += _in_time(answer(call, decision.answer, registration), call, now)
    await tell(connection, events)
    return answers


def _in_time(
    answered: Answer[BootAnswer], call: Call[Device], now: int
) -> list[Answer[BootAnswer]]:
    return [answered] if call.deadline_ms > now else []


def _of_a_deleted_station(call: Call[Device], policies: Policies, now: int) -> Answer[BootAnswer]:
    """Return the answer to a station that was deleted while it booted."""
    rejected = RegistrationStatus.REJECTED
    return answer(
        call,
        boot_answer(rejected, None, policies, now),
        RegistrationChange(
            registration_status=rejected.value,
            boot_count=0,
            heartbeat_interval_s=policies.heartbeat_interval_s,
        ),
    )


def _events(decision: BootDecision, call: Call[Device]) -> list[Event]:
    status = decision.station.standing.status.value
    events = [
        fact_of_call(
            "station.booted",
            call,
            registration_status=status,
            **{name: getattr(call.value, name) for name in BOOT_FACT_FIELDS},
        )
    ]
    if decision.status_changed:
        events.append(
            fact_of_call("station.registration_changed", call, registration_status=status)
        )
    return events

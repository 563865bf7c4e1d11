"""What ChangeAvailability has set, kept and shown, against a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from driven_registry import Registry

from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time

BEGIN = datetime(2026, 11, 21, tzinfo=UTC)


def ended(nth: int, connector: int, kind: str, answer: str, station_id: str = "A") -> Work:
    at = format_time(BEGIN + timedelta(seconds=nth))
    data = {
        "command_id": str(UUID(int=nth)),
        "station_id": station_id,
        "ocpp_version": "ocpp16",
        "action": "ChangeAvailability",
        "payload": {"connectorId": connector, "type": kind},
        "status": "completed",
        "accepted": answer != "Rejected",
        "response": {"status": answer},
        "created_by": "admin",
        "created_at": at,
        "sent_at": at,
        "completed_at": at,
        "deadline": at,
    }
    event = CloudEvent(
        id=str(nth),
        source="/csms/command-api",
        type="csms.command.completed.v1",
        subject=station_id,
        time=at,
        data=data,
    )
    return Work(MessageType.EVENTS, {}, [event.model_dump()])


@pytest.fixture
async def known(registry: Registry) -> Registry:
    await registry.send([registry.claim("A", "c1")])
    await registry.send(
        [
            registry.call(
                "StatusNotification",
                "A",
                {"connectorId": connector, "status": "Available", "errorCode": "NoError"},
            )
            for connector in (0, 1, 2)
        ]
    )
    return registry


async def shown(registry: Registry) -> list[tuple[str | None, bool]]:
    """Return what is shown of the station, then of its connectors 0, 1 and 2."""
    station: Any = await registry.request("stations.get", station_id="A")
    connectors = await registry.request("stations.connectors", station_id="A")
    assert connectors == station.connectors
    (listed,) = (await registry.request("stations.list")).items
    assert listed.connectors == connectors
    return [(each.availability, each.availability_scheduled) for each in (station, *connectors)]


async def test_nothing_is_shown_before_a_station_took_anything(known: Registry) -> None:
    await known.send([ended(1, 0, "Inoperative", "Rejected")])
    assert await shown(known) == [(None, False)] * 4


async def test_what_was_set_last_counts_however_the_ends_come(known: Registry) -> None:
    ends = [
        ended(1, 1, "Inoperative", "Accepted"),
        ended(2, 0, "Inoperative", "Scheduled"),
        ended(3, 2, "Operative", "Accepted"),
        ended(4, 2, "Inoperative", "Rejected"),
    ]
    for order in permutations(ends):
        await known.query("DELETE FROM connector_availability")
        for batch in (order[:1], order[1:3], order[3:], order):
            await known.send(batch)
        assert await shown(known) == [
            ("Inoperative", True),
            ("Inoperative", True),
            ("Inoperative", True),
            ("Operative", False),
        ]
    assert known.parked == []


async def test_a_station_that_was_deleted_hands_nothing_on_to_a_new_one(known: Registry) -> None:
    await known.send([ended(1, 0, "Inoperative", "Accepted")])
    await known.request("stations.delete", station_id="A")
    await known.send([ended(2, 1, "Inoperative", "Accepted"), ended(3, 1, "x", "Accepted", "X")])
    await known.request("stations.create", station_id="A")
    assert await known.query("SELECT * FROM connector_availability") == []


async def test_what_the_release_before_deletes_and_makes_anew_was_told_nothing(
    known: Registry,
) -> None:
    await known.send([ended(1, 0, "Inoperative", "Accepted"), ended(2, 1, "Operative", "Accepted")])
    await known.query("UPDATE station SET deleted_at = now() WHERE station_id = 'A'")
    await known.query(
        "INSERT INTO station (station_id, registration_status) VALUES ('A', 'accepted') "
        "ON CONFLICT (station_id) DO UPDATE SET deleted_at = NULL WHERE station.deleted_at "
        "IS NOT NULL"
    )
    view = await known.request("stations.get", station_id="A")
    assert (view.availability, {one.availability for one in view.connectors}) == (None, {None})

"""Where sessions were and what was said of their connectors, from a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from driven_registry import Registry
from statements import recorded

from csms_shared.contracts.session_facts import PlaceView

NOW = datetime.now(UTC).replace(microsecond=0)
_SITE: dict[str, Any] = {
    "site_id": "harbour",
    "name": "Harbour",
    "address": "Quay 1",
    "city": "Hamburg",
    "postal_code": "20457",
    "country": "DE",
    "latitude": 53.5413,
    "longitude": 9.9841,
}


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def text(minutes: float) -> str:
    return f"{at(minutes):%Y-%m-%dT%H:%M:%S.%f}Z"


def session(number: int = 1, station_id: str = "A", **changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": number,
        "station_id": station_id,
        "connector_id": 1,
        "from_time": at(-60),
        "to_time": at(-30),
    } | changes


async def places(registry: Registry, *sessions: dict[str, Any], **more: Any) -> list[PlaceView]:
    answer = await registry.request("stations.places", sessions=list(sessions), **more)
    found: list[PlaceView] = answer.items
    return found


class Said:
    """Has a station say what its connectors are, each time a minute of its own clock."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seq = 0

    async def __call__(
        self, status: str, minutes: float | None, heard: float | None = None, **more: Any
    ) -> None:
        self._seq += 1
        payload = {"connectorId": more.pop("connector", 1), "status": status}
        payload |= {"errorCode": "NoError"}
        if minutes is not None:
            payload["timestamp"] = text(minutes)
        heard = minutes if heard is None else heard
        assert heard is not None
        call = self._registry.call(
            "StatusNotification",
            "A",
            payload,
            seq=self._seq,
            received_ms=int(at(heard).timestamp() * 1000),
        )
        await self._registry.send([call])


@pytest.fixture
async def said(registry: Registry) -> Said:
    await registry.send([registry.claim("A", "c1")])
    return Said(registry)


async def statuses(registry: Registry, **changes: Any) -> list[tuple[str, str]]:
    (place,) = await places(registry, session(**changes))
    return [(one.at, one.status) for one in place.statuses]


async def test_a_place_is_what_operators_and_the_station_say_of_it(registry: Registry) -> None:
    await registry.request("tenants.create", new_tenant_id="north", name="North")
    await registry.request(
        "tenants.change",
        changed_tenant_id="north",
        set=["country_code", "party_id", "time_zone"],
        country_code="DE",
        party_id="NOR",
        time_zone="Europe/Berlin",
    )
    await registry.request("sites.create", tenant_id="north", **_SITE)
    await registry.request(
        "stations.create", tenant_id="north", station_id="A", site_id="harbour", tags=["fast"]
    )
    await registry.request(
        "connector_hardware.set",
        tenant_id="north",
        station_id="A",
        connector_id=1,
        plug_type="IEC_62196_T2",
    )
    await registry.query(
        "UPDATE station SET meter_serial_number = 'M1', phase_count = 3 WHERE station_id = 'A'"
    )
    await registry.query(
        "INSERT INTO configuration_value (station_id, key, name, value, known) VALUES "
        "('A', 'meterpublickey1', 'MeterPublicKey1', 'one', true), "
        "('A', 'meterpublickey2', 'MeterPublicKey2', 'two', true)"
    )
    first, second, none = await places(
        registry,
        session(1),
        session(2, connector_id=2),
        session(3, connector_id=3),
        session(4, station_id="B"),
        tenant_id="north",
    )
    assert first.model_dump() == {
        "transaction_id": 1,
        "station_id": "A",
        "site_id": "harbour",
        "site_name": "Harbour",
        **{name: value for name, value in _SITE.items() if name not in ("site_id", "name")},
        "time_zone": "Europe/Berlin",
        "tenant_country": "DE",
        "party_id": "NOR",
        "connector_type": "IEC_62196_T2",
        "phase_count": 3,
        "meter_id": "M1",
        "statuses": [],
        "meter_public_key": "one",
    }
    assert (second.meter_public_key, second.connector_type) == ("two", None)
    assert none.meter_public_key is None


async def test_the_zone_of_the_site_counts_before_that_of_the_tenant(registry: Registry) -> None:
    await registry.request("sites.create", **_SITE, time_zone="Europe/Lisbon")
    await registry.request("stations.create", station_id="A", site_id="harbour")
    await registry.request("stations.create", station_id="B")
    first, second = await places(registry, session(1), session(2, station_id="B"))
    assert (first.time_zone, second.time_zone) == ("Europe/Lisbon", None)
    assert (second.site_id, second.address, second.latitude) == (None, None, None)


async def test_a_station_that_another_tenant_has_now_is_told_where_it_stood(
    registry: Registry,
) -> None:
    await registry.request("sites.create", **_SITE, time_zone="Europe/Lisbon")
    (place,) = await places(registry, session(station_id="gone", site_id="harbour"))
    assert (place.site_name, place.time_zone) == ("Harbour", "Europe/Lisbon")
    assert await places(registry, session(station_id="gone")) == []


async def test_a_session_was_where_its_station_stood_then_whatever_became_of_it(
    registry: Registry,
) -> None:
    await registry.request("sites.create", **_SITE)
    await registry.request("sites.create", site_id="square", name="Square")
    await registry.request("stations.create", station_id="A", site_id="square")
    names = []
    for sited in (session(), session(site_id="harbour"), session(site_id="gone")):
        names += [place.site_name for place in await places(registry, sited)]
    assert names == ["Square", "Harbour", None]
    await registry.request("stations.delete", station_id="A")
    (place,) = await places(registry, session(site_id="harbour"))
    assert (place.site_id, place.site_name) == ("harbour", "Harbour")


async def test_statuses_begin_with_the_one_that_held_and_end_with_the_session(
    registry: Registry, said: Said
) -> None:
    await said("Available", -300)
    await said("Preparing", -61)
    await said("Faulted", -59, connector=2)
    await said("Charging", -59)
    await said("SuspendedEVSE", -45)
    await said("Finishing", -30)
    await said("Available", -20)
    assert await statuses(registry) == [
        (text(-61), "Preparing"),
        (text(-59), "Charging"),
        (text(-45), "SuspendedEVSE"),
        (text(-30), "Finishing"),
    ]
    assert await statuses(registry, from_time=at(-400), to_time=at(-290)) == [
        (text(-300), "Available")
    ]
    assert await statuses(registry, connector_id=3) == []


async def test_what_is_told_late_counts_by_the_stations_own_time(
    registry: Registry, said: Said
) -> None:
    await said("Available", -300)
    await said("Preparing", -61, heard=-5)
    await said("SuspendedEVSE", -50, heard=-4)
    await said("Charging", -40, heard=-3)
    assert await statuses(registry) == [
        (text(-61), "Preparing"),
        (text(-50), "SuspendedEVSE"),
        (text(-40), "Charging"),
    ]


async def test_where_a_clock_is_wrong_or_no_time_is_told_it_counts_when_it_was_heard_of(
    registry: Registry, said: Said
) -> None:
    await said("Available", -30_000_000, heard=-70)
    await said("Charging", None, heard=-50)
    await said("SuspendedEVSE", 600, heard=-40)
    assert await statuses(registry) == [
        (text(-70), "Available"),
        (text(-50), "Charging"),
        (text(-40), "SuspendedEVSE"),
    ]


async def test_fifty_sessions_take_as_few_statements_as_one(registry: Registry) -> None:
    for number in range(50):
        await registry.request("stations.create", station_id=f"S{number}")
    sessions = [session(number, f"S{number}") for number in range(50)]
    with recorded(registry.engines.of_tenant) as of_one:
        await places(registry, sessions[0])
    with recorded(registry.engines.of_tenant) as of_all:
        assert len(await places(registry, *sessions)) == 50
    assert len(of_all) == len(of_one)

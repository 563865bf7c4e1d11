"""Sites, and the stations that stand there, against a real PostgreSQL."""

import asyncio
from typing import Any

import pytest
from driven_registry import Registry
from pydantic import ValidationError
from sqlalchemy import text

from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.sites import SiteView

_HOURS = {"regular_hours": [{"weekday": 1, "period_begin": "08:00", "period_end": "20:00"}]}
_HARBOUR: dict[str, Any] = {
    "site_id": "harbour",
    "name": "Harbour",
    "address": "Quay 1",
    "city": "Hamburg",
    "postal_code": "20457",
    "country": "DE",
    "latitude": 53.5413,
    "longitude": 9.9841,
    "time_zone": "Europe/Berlin",
    "opening_hours": _HOURS,
    "notes": "ring twice",
    "tags": ["public", "fast", "public"],
}


async def _problem(registry: Registry, operation: str, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ProblemRaised) as raised:
        await registry.request(operation, **parameters)
    problem = raised.value.problem
    return problem.status, problem.code, ",".join(error.field for error in problem.errors)


async def _changed(registry: Registry, site_id: str, **values: Any) -> SiteView:
    view: SiteView = await registry.request(
        "sites.change", site_id=site_id, set=sorted(values), **values
    )
    return view


async def _told(registry: Registry) -> list[tuple[str, str, str]]:
    """Return routing key, subject and name of what was told of sites."""
    return [
        (event["type"].removeprefix("csms.").removesuffix(".v1"), event["subject"],
         event["data"]["name"])
        for event in await registry.events()
        if event["type"].startswith("csms.site.")
    ]  # fmt: skip


async def test_a_site_is_made_once_and_shown_as_it_was_given(registry: Registry) -> None:
    made = await registry.request("sites.create", **_HARBOUR)
    shown = made.model_dump(exclude={"created_at", "updated_at"})
    hours = {"twentyfourseven": False, **_HOURS}
    assert shown == _HARBOUR | {"tags": ["fast", "public"], "opening_hours": hours}
    assert await registry.request("sites.get", site_id="harbour") == made
    assert await _problem(registry, "sites.create", site_id="harbour", name="Other") == (
        409,
        "site_exists",
        "site_id",
    )
    assert await _told(registry) == [("site.created", "harbour", "Harbour")]
    (event,) = await registry.events("site.created")
    assert event["data"] == shown


async def test_a_change_takes_over_what_is_given_and_null_is_not_known(registry: Registry) -> None:
    await registry.request("sites.create", **_HARBOUR)
    changed = await _changed(registry, "harbour", name="Port", notes=None, opening_hours=None)
    assert (changed.name, changed.notes, changed.opening_hours) == ("Port", None, None)
    assert (changed.city, changed.latitude, changed.tags) == (
        "Hamburg",
        53.5413,
        ["fast", "public"],
    )
    # Nothing is told of what is as it was.
    assert await _changed(registry, "harbour", name="Port") == changed
    assert [key for key, _, _ in await _told(registry)] == ["site.created", "site.updated"]
    assert await _problem(registry, "sites.change", site_id="harbour", set=["name", "site_id"]) == (
        422,
        "invalid_request",
        "site_id,name",
    )


async def test_a_coordinate_is_not_without_the_other(registry: Registry) -> None:
    half = await _problem(registry, "sites.create", site_id="A", name="A", latitude=1)
    assert half == (422, "invalid_request", "longitude")
    await registry.request("sites.create", **_HARBOUR)
    assert await _problem(
        registry, "sites.change", site_id="harbour", set=["latitude"], latitude=None
    ) == (422, "invalid_request", "latitude")
    gone = await _changed(registry, "harbour", latitude=None, longitude=None)
    assert (gone.latitude, gone.longitude) == (None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latitude", 90.1),
        ("longitude", -180.5),
        ("latitude", float("nan")),
        ("latitude", "53"),
        ("latitude", True),
        ("time_zone", "Europe/Atlantis"),
        ("time_zone", "../etc/passwd"),
        ("country", "XX"),
        ("country", "de"),
        ("name", " "),
        ("name", "x" * 10_000),
        ("tags", [""]),
        ("site_id", "."),
        ("site_id", ".."),
        ("tags", [f"t{number}" for number in range(51)]),
        ("notes", "a\0b"),
        ("opening_hours", {"twentyfourseven": True, **_HOURS}),
        ("opening_hours", {}),
        ("opening_hours", {"regular_hours": [{"weekday": 8}]}),
    ],
)
async def test_what_no_site_can_be_is_refused_by_its_field(
    registry: Registry, field: str, value: object
) -> None:
    with pytest.raises(ValidationError) as raised:
        await registry.request("sites.create", **(_HARBOUR | {field: value}))
    assert {error["loc"][0] for error in raised.value.errors()} == {field}


@pytest.mark.parametrize(
    "site_id", ["...", ".a", "..a", "a.", "a..", " .", "a/..", "\U0001f642" * 64]
)
async def test_a_site_has_any_other_id(registry: Registry, site_id: str) -> None:
    await registry.request("sites.create", site_id=site_id, name="A")
    (site,) = (await registry.request("sites.list")).items
    assert site.site_id == site_id


async def test_sites_are_listed_by_id_and_found_by_tag_and_text(registry: Registry) -> None:
    for site_id, city, tags in (
        ("A/1", "Bonn", ["x"]),
        ("B", "Ulm", ["x", "y"]),
        ("C", "Bonn", []),
    ):
        await registry.request("sites.create", site_id=site_id, name=f"At {city}", city=city,
                               tags=tags)  # fmt: skip

    async def listed(**query: Any) -> list[str]:
        page = await registry.request("sites.list", **query)
        return [site.site_id for site in page.items]

    page = await registry.request("sites.list", limit=2)
    assert [site.site_id for site in page.items] == ["A/1", "B"]
    assert await listed(limit=2, cursor=page.next_cursor) == ["C"]
    assert await listed(tag="x") == ["A/1", "B"]
    assert await listed(tag="x", q="ULM") == ["B"]
    assert await listed(q="bonn") == ["A/1", "C"]
    assert await listed(q="%") == []
    await registry.request("sites.create", site_id="Ö", name="ÜBACH")
    for text_ in ("Übach", "ÜBACH", "übach", "ö"):
        assert await listed(q=text_) == ["Ö"], text_


async def test_a_site_with_stations_is_not_deleted(registry: Registry) -> None:
    await registry.request("sites.create", **_HARBOUR)
    await registry.request("stations.create", station_id="S1", site_id="harbour")
    assert await _problem(registry, "sites.delete", site_id="harbour") == (
        409,
        "site_has_stations",
        "",
    )
    await registry.request("stations.delete", station_id="S1")
    await registry.request("sites.delete", site_id="harbour")
    assert (await _told(registry))[-1] == ("site.deleted", "harbour", "Harbour")
    for operation in ("get", "delete", "change"):
        more: dict[str, list[str]] = {"set": []} if operation == "change" else {}
        for site_id in ("harbour", "a\0b"):
            problem = await _problem(registry, f"sites.{operation}", site_id=site_id, **more)
            assert problem == (404, "not_found", "")


async def test_a_site_that_is_being_deleted_gets_no_station(registry: Registry) -> None:
    """Whichever comes first: both are not to be."""
    for number in range(10):
        site_id = f"site-{number}"
        await registry.request("sites.create", site_id=site_id, name="Site")
        outcomes = await asyncio.gather(
            registry.request("stations.create", station_id=f"S{number}", site_id=site_id),
            registry.request("sites.delete", site_id=site_id),
            return_exceptions=True,
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, ProblemRaised)]
        assert len(refused) == 1, outcomes
        sites = (await registry.request("sites.list", q=site_id)).items
        stations = (await registry.request("stations.list", site_id=site_id)).items
        assert len(sites) == len(stations), outcomes


async def test_a_deleted_site_waits_for_a_station_that_is_being_put_there(
    registry: Registry,
) -> None:
    await registry.request("sites.create", **_HARBOUR)
    async with registry.engine.connect() as putting:
        await putting.execute(text("SELECT 1 FROM site WHERE site_id = 'harbour' FOR KEY SHARE"))
        await putting.execute(
            text(
                "INSERT INTO station (station_id, registration_status, site_id) "
                "VALUES ('S1', 'accepted', 'harbour')"
            )
        )
        deleting = asyncio.create_task(registry.request("sites.delete", site_id="harbour"))
        while not await registry.query("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert not deleting.done()
        await putting.commit()
    with pytest.raises(ProblemRaised) as raised:
        await deleting
    assert raised.value.problem.code == "site_has_stations"


_DESCRIBED: dict[str, Any] = {
    "site_id": "harbour",
    "display_name": "Left of the gate",
    "tags": ["fast", "indoors"],
    "installed_on": "2024-02-29",
    "commissioned_on": "2024-03-01",
    "phase_count": 3,
    "max_current_a": 32.0,
}


async def test_a_station_is_described_changed_and_described_no_more(registry: Registry) -> None:
    await registry.request("sites.create", **_HARBOUR)
    made = await registry.request("stations.create", station_id="S1", **_DESCRIBED)
    assert {name: getattr(made, name) for name in _DESCRIBED} == _DESCRIBED
    plain = await registry.request("stations.create", station_id="S2")
    nothing = dict.fromkeys(_DESCRIBED) | {"tags": []}
    assert {name: getattr(plain, name) for name in _DESCRIBED} == nothing

    async def change(**values: Any) -> dict[str, Any]:
        view = await registry.request(
            "stations.change", station_id="S1", set=sorted(values), **values
        )
        return {name: getattr(view, name) for name in _DESCRIBED}

    # What is not named stays, what is null goes.
    assert await change(heartbeat_interval=60) == _DESCRIBED
    assert await change(display_name=None, tags=["b", "a"]) == _DESCRIBED | {
        "display_name": None,
        "tags": ["a", "b"],
    }
    assert await change(**dict.fromkeys(_DESCRIBED) | {"tags": []}) == nothing


async def test_a_station_stands_at_a_site_that_there_is(registry: Registry) -> None:
    unknown = (422, "unknown_site", "site_id")
    assert await _problem(registry, "stations.create", station_id="S1", site_id="no") == unknown
    await registry.request("stations.create", station_id="S1")
    assert (
        await _problem(registry, "stations.change", station_id="S1", set=["site_id"], site_id="no")
        == unknown
    )


async def test_a_deleted_station_leaves_nothing_to_the_next_of_its_id(registry: Registry) -> None:
    await registry.request("sites.create", **_HARBOUR)
    await registry.request("stations.create", station_id="S1", **_DESCRIBED)
    await registry.request("connector_hardware.set", station_id="S1", connector_id=1,
                           plug_type="CHADEMO", max_power_w=50_000)  # fmt: skip
    await registry.request("stations.delete", station_id="S1")
    assert await registry.query("SELECT * FROM station_tag") == []
    # It comes back by itself, announced by nobody.
    await registry.send([registry.claim("S1", "c1")])
    view = await registry.request("stations.get", station_id="S1")
    assert {name: getattr(view, name) for name in _DESCRIBED} == dict.fromkeys(_DESCRIBED) | {
        "tags": []
    }
    hardware = await registry.request("connector_hardware.get", station_id="S1", connector_id=1)
    assert (hardware.plug_type, hardware.max_power_w) == (None, None)


async def test_what_the_release_before_deletes_and_makes_anew_is_not_described(
    registry: Registry,
) -> None:
    await registry.request("sites.create", **_HARBOUR)
    await registry.request("stations.create", station_id="S1", **_DESCRIBED)
    await registry.request("connector_hardware.set", station_id="S1", connector_id=1,
                           plug_type="CHADEMO", max_power_w=50_000)  # fmt: skip
    await registry.query("UPDATE station SET deleted_at = now() WHERE station_id = 'S1'")
    await registry.query(
        "INSERT INTO station (station_id, registration_status) VALUES ('S1', 'accepted') "
        "ON CONFLICT (station_id) DO UPDATE SET deleted_at = NULL WHERE station.deleted_at "
        "IS NOT NULL"
    )
    view = await registry.request("stations.get", station_id="S1")
    assert {name: getattr(view, name) for name in _DESCRIBED} == dict.fromkeys(_DESCRIBED) | {
        "tags": []
    }
    assert (await registry.request("stations.list", tag=_DESCRIBED["tags"][0])).items == []
    assert await registry.query("SELECT * FROM connector_hardware") == []


async def test_a_connectors_hardware_is_shown_once_it_is_reported(registry: Registry) -> None:
    await registry.send([registry.claim("S1", "c1")])
    said = await registry.request("connector_hardware.set", station_id="S1", connector_id=2,
                                  plug_type="IEC_62196_T2_COMBO", max_power_w=150_000)  # fmt: skip
    assert said.evse_id == 2
    assert await registry.request("connector_hardware.get", station_id="S1", connector_id=2) == said
    assert await registry.request("stations.connectors", station_id="S1") == []
    await registry.send(
        [
            registry.call(
                "StatusNotification",
                "S1",
                {"connectorId": number, "errorCode": "NoError", "status": "Available"},
                seq=number + 1,
            )
            for number in (1, 2)
        ]
    )
    connectors = await registry.request("stations.connectors", station_id="S1")
    assert [(one.connector_id, one.plug_type, one.max_power_w) for one in connectors] == [
        (1, None, None),
        (2, "IEC_62196_T2_COMBO", 150_000),
    ]
    assert (await registry.request("stations.get", station_id="S1")).connectors == connectors
    # All of it, each time.
    await registry.request("connector_hardware.set", station_id="S1", connector_id=2,
                           max_power_w=100_000)  # fmt: skip
    (_, second) = await registry.request("stations.connectors", station_id="S1")
    assert (second.plug_type, second.max_power_w) == (None, 100_000)


async def test_hardware_of_a_station_that_does_not_exist_is_not_found(registry: Registry) -> None:
    for operation in ("get", "set"):
        for station_id in ("none", "a\0b"):
            problem = await _problem(
                registry, f"connector_hardware.{operation}", station_id=station_id, connector_id=1
            )
            assert problem[:2] == (404, "not_found")


async def test_a_station_that_is_being_deleted_gets_no_hardware(registry: Registry) -> None:
    await registry.request("stations.create", station_id="S1")
    async with registry.engine.connect() as deleting:
        await deleting.execute(text("UPDATE station SET deleted_at = now()"))
        setting = asyncio.create_task(
            _problem(registry, "connector_hardware.set", station_id="S1", connector_id=1)
        )
        while not await registry.query("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert not setting.done()
        await deleting.commit()
    assert (await setting)[:2] == (404, "not_found")
    assert await registry.query("SELECT * FROM connector_hardware") == []

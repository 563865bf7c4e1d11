"""Sites, and what operators say of stations and connectors, through REST."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from command_api_fakes import Stations, api_key, is_problem

from csms_shared.contracts.hardware import SetConnectorHardware
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.sites import ChangeSite, CreateSite
from csms_shared.contracts.stations import ChangeStation, CreateStation

pytestmark = pytest.mark.asyncio(loop_scope="package")

Site = dict[str, Any]


@pytest.fixture
def sites(stations: Stations) -> dict[str, Site]:
    """The sites that the registry has, by id."""
    known: dict[str, Site] = {}

    def create(parameters: Site) -> Site:
        made = CreateSite.model_validate(parameters).model_dump(mode="json")
        if made["site_id"] in known:
            raise refuse(409, "site_exists", "there is such a site")
        return known.setdefault(made["site_id"], made)

    def get(parameters: Site) -> Site:
        if parameters["site_id"] not in known:
            raise refuse(404, "not_found", "there is no such site")
        return known[parameters["site_id"]]

    stations.registry.operations |= {
        "sites.create": create,
        "sites.get": get,
        "sites.list": lambda parameters: parameters,
        "sites.change": lambda parameters: ChangeSite.model_validate(parameters).model_dump(
            mode="json"
        ),
        "sites.delete": lambda parameters: get(parameters) and None,
    }
    return known


async def test_a_site_is_made_under_its_id_or_a_new_one(
    admin: httpx.AsyncClient, sites: dict[str, Site]
) -> None:
    made = await admin.post("/sites", json={"site_id": "A/1", "name": "Harbour", "country": "DE"})
    assert made.status_code == 201, made.text
    assert (await admin.get("/sites/A%2F1")).json() == sites["A/1"]
    other = await admin.post("/sites", json={"name": "Harbour"})
    assert str(UUID(other.json()["site_id"])) in sites
    is_problem(await admin.post("/sites", json={"site_id": "A/1", "name": "x"}), 409, "site_exists")
    assert (await admin.delete("/sites/A%2F1")).status_code == 204
    is_problem(await admin.delete("/sites/none"), 404, "not_found")


@pytest.mark.parametrize("site_id", [None, "keyed"])
async def test_a_site_is_made_once_for_its_key(
    admin: httpx.AsyncClient, sites: dict[str, Site], site_id: str | None
) -> None:
    body = {"site_id": site_id, "name": "Harbour"}
    headers = {"Idempotency-Key": f"site {site_id}".replace(" ", "-")}
    first = await admin.post("/sites", json=body, headers=headers)
    again = await admin.post("/sites", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert len(sites) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", "\t"),
        ("name", "x" * 10_000),
        ("name", "a\0"),
        ("site_id", ""),
        ("site_id", "x" * 65),
        ("site_id", "a\nb"),
        ("latitude", 90.000001),
        ("latitude", "NaN"),
        ("longitude", 10**30),
        ("country", "Germany"),
        ("time_zone", "Berlin"),
        ("tags", None),
        ("tags", ["x" * 65]),
        ("tags", "public"),
        ("opening_hours", {"twentyfourseven": "true"}),
        ("notes", "x" * 4_001),
        ("unknown", 1),
    ],
)
async def test_what_no_site_can_be_is_422_with_its_field(
    admin: httpx.AsyncClient, sites: dict[str, Site], field: str, value: object
) -> None:
    answer = await admin.post("/sites", json={"name": "Harbour", field: value})
    problem = is_problem(answer, 422, "validation_failed")
    assert problem["errors"][0]["field"].split(".")[0] == field
    assert sites == {}


async def test_a_change_tells_what_is_null_from_what_is_left_out(
    admin: httpx.AsyncClient, stations: Stations, sites: dict[str, Site]
) -> None:
    changed = await admin.patch("/sites/A%2F1", json={"notes": None, "city": "Ulm"})
    assert changed.status_code == 200, changed.text
    assert stations.registry.asked("sites.change")[-1] == {
        "site_id": "A/1",
        "set": ["city", "notes"],
        "notes": None,
        "city": "Ulm",
    }
    for field in ("name", "tags", "site_id"):
        problem = is_problem(
            await admin.patch("/sites/A", json={field: None}), 422, "validation_failed"
        )
        assert problem["errors"][0]["field"] == field


async def test_filters_of_sites_reach_the_registry(
    admin: httpx.AsyncClient, sites: dict[str, Site]
) -> None:
    answer = await admin.get("/sites?q=x&tag=t&limit=3&cursor=c")
    assert answer.json() == {"q": "x", "tag": "t", "limit": 3, "cursor": "c"}


async def test_who_may_read_changes_no_site(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, sites: dict[str, Site]
) -> None:
    for role in ("viewer", "operator"):
        key = await api_key(admin, role)
        assert (await nobody.get("/api/v1/sites", headers=key)).status_code == 200
        for method, path in (
            ("POST", "/sites"),
            ("PATCH", "/sites/A"),
            ("DELETE", "/sites/A"),
            ("PUT", "/stations/A/connectors/1/hardware"),
        ):
            body = None if method == "DELETE" else {"name": "x"} if path == "/sites" else {}
            refused = await nobody.request(method, f"/api/v1{path}", json=body, headers=key)
            is_problem(refused, 403, "forbidden")


async def test_a_station_is_described_and_changed(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    asked: list[CreateStation | ChangeStation] = []

    def create(parameters: dict[str, Any]) -> dict[str, Any]:
        asked.append(CreateStation.model_validate(parameters))
        return parameters

    stations.registry.operations["stations.create"] = create
    stations.registry.operations["stations.change"] = lambda parameters: asked.append(
        ChangeStation.model_validate(parameters)
    )
    described = {
        "site_id": "A/1",
        "display_name": "Gate",
        "tags": ["b", "a", "b"],
        "installed_on": "2024-02-29",
        "commissioned_on": "2024-03-01",
        "phase_count": 3,
        "max_current_a": 62.5,
    }
    made = await admin.post("/stations", json={"station_id": "S", **described})
    assert made.status_code == 201, made.text
    changed = await admin.patch("/stations/S", json={"display_name": None, "tags": []})
    assert changed.status_code == 200, changed.text
    new, change = asked
    shown = new.model_dump(mode="json", include=set(described))
    assert shown == described | {"tags": ["a", "b"]}
    assert isinstance(change, ChangeStation)
    assert change.set == {"display_name", "tags"}
    assert (change.display_name, change.tags) == (None, [])
    for field, value in (
        ("tags", None),
        ("display_name", ""),
        ("installed_on", "2023-02-29"),
        ("installed_on", 0),
        ("commissioned_on", "9999-01-01"),
        ("phase_count", 4),
        ("phase_count", True),
        ("max_current_a", 0),
        ("max_current_a", "16"),
        ("site_id", ""),
    ):
        problem = is_problem(
            await admin.patch("/stations/S", json={field: value}), 422, "validation_failed"
        )
        assert problem["errors"][0]["field"] == field
    assert len(asked) == 2


async def test_filters_by_site_and_tag_reach_the_registry(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.list"] = lambda _: {"items": [], "next_cursor": None}
    assert (await admin.get("/stations?site_id=A&tag=fast")).status_code == 200
    asked = stations.registry.asked("stations.list")[-1]
    assert (asked["site_id"], asked["tag"]) == ("A", "fast")


async def test_a_connectors_hardware_is_set_and_read(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["connector_hardware.set"] = lambda parameters: (
        SetConnectorHardware.model_validate(parameters).model_dump(
            mode="json", exclude={"tenant_id"}
        )
    )
    stations.registry.operations["connector_hardware.get"] = lambda parameters: parameters
    path = "/stations/A%2F1/connectors/2/hardware"
    body = {"plug_type": "IEC_62196_T2", "max_power_w": 22_000}
    answer = await admin.put(path, json=body)
    assert (answer.status_code, answer.json()) == (
        200,
        {"station_id": "A/1", "connector_id": 2, **body},
    )
    assert (await admin.get(path)).json() == {"station_id": "A/1", "connector_id": 2}
    for bad, field in (
        ({"plug_type": "Schuko"}, "plug_type"),
        ({"max_power_w": 0}, "max_power_w"),
        ({"max_power_w": 2.5}, "max_power_w"),
        ({"power": 1}, "power"),
    ):
        problem = is_problem(await admin.put(path, json=bad), 422, "validation_failed")
        assert problem["errors"][0]["field"] == field
    for number in ("0", "-1", "x", str(2**31)):
        assert (await admin.put(f"/stations/A/connectors/{number}/hardware", json=body)).is_error

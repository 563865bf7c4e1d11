"""Rollouts through REST."""

from typing import Any

import httpx
import pytest
from command_api_fakes import Stations, api_key, is_problem

from csms_shared.contracts.rollouts import CreateRollout

pytestmark = pytest.mark.asyncio(loop_scope="package")

ROLLOUT = {"name": "2.0", "location": "https://firmware.example/2", "station_ids": ["S1", "S2"]}


@pytest.fixture
def created(stations: Stations) -> list[CreateRollout]:
    """Rollouts that the registry was asked for."""
    rollouts: list[CreateRollout] = []

    def create(parameters: dict[str, Any]) -> dict[str, Any]:
        rollouts.append(CreateRollout.model_validate(parameters))
        return {"rollout_id": parameters["rollout_id"]}

    stations.registry.operations["rollouts.create"] = create
    for operation in ("get", "list", "stations", "steer"):
        stations.registry.operations[f"rollouts.{operation}"] = lambda parameters: parameters
    return rollouts


async def test_a_rollout_is_started_steered_and_shown(
    admin: httpx.AsyncClient, created: list[CreateRollout]
) -> None:
    answer = await admin.post("/firmware-rollouts", json=ROLLOUT)
    assert answer.status_code == 201, answer.text
    (rollout,) = created
    assert (rollout.action, rollout.concurrency, rollout.stop_after_failures) == (
        "UpdateFirmware",
        10,
        1,
    )
    path = f"/firmware-rollouts/{answer.json()['rollout_id']}"
    assert answer.headers["location"] == f"/api/v1{path}"
    for wish in ("pause", "resume", "cancel"):
        steered = await admin.post(f"{path}/{wish}")
        assert (steered.status_code, steered.json()["wish"]) == (200, wish)
    assert (await admin.get(path)).status_code == 200
    assert (await admin.get(f"{path}/stations?limit=2")).json()["limit"] == 2
    assert (await admin.get("/firmware-rollouts")).status_code == 200
    is_problem(await admin.get("/firmware-rollouts/none"), 404, "not_found")


async def test_a_registry_that_knows_no_sites_is_asked_for_no_wider_rollout(
    admin: httpx.AsyncClient, created: list[CreateRollout]
) -> None:
    for which in ({"vendor": "V"}, {"vendor": "V", "tag": "fast"}, {"site_id": "H"}):
        body = {"name": "2.0", "location": ROLLOUT["location"], "filter": which}
        answer = await admin.post("/firmware-rollouts", json=body)
        assert answer.status_code == 201, answer.text
    given = [
        [part and part.model_dump(exclude_none=True) for part in (one.filter, one.selection)]
        for one in created
    ]
    assert given == [
        [{"vendor": "V"}, None],
        [None, {"vendor": "V", "tag": "fast"}],
        [None, {"site_id": "H"}],
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"stop_after_failures": 0}, "stop_after_failures"),
        ({"stop_after_failures": 2**31}, "stop_after_failures"),
        ({"name": ""}, "name"),
        ({"station_ids": []}, "station_ids"),
        ({"filter": {}}, "filter"),
        ({"hold_until": "2030-01-01T00:00:00Z"}, "hold_until"),
        ({"signature": "s"}, "signature"),
    ],
)
async def test_a_rollout_that_can_not_be_is_refused(
    admin: httpx.AsyncClient, created: list[CreateRollout], change: dict[str, Any], field: str
) -> None:
    answer = await admin.post("/firmware-rollouts", json=ROLLOUT | change)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert created == []


async def test_viewers_start_and_steer_nothing(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, created: list[CreateRollout]
) -> None:
    viewer = await api_key(admin, "viewer")
    for path in ("", "/00000000-0000-0000-0000-000000000001/pause"):
        answer = await nobody.post(f"/api/v1/firmware-rollouts{path}", json=ROLLOUT, headers=viewer)
        is_problem(answer, 403, "forbidden")
    assert created == []

"""What holds for every route: refusals, status, documentation, probes."""

import asyncio

import httpx
import pytest
from command_api_fakes import Answer, Stations, is_problem, no_such_station

from csms_shared.contracts.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_errors_of_the_framework_are_problems_too(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    is_problem(await nobody.get("/nothing"), 404, "not_found")
    is_problem(await admin.put("/stations"), 405, "method_not_allowed")
    is_problem(await admin.get("/transactions/abc"), 422, "validation_failed")
    problem = is_problem(await admin.get("/stations?limit=501"), 422, "validation_failed")
    assert problem["errors"][0]["field"] == "limit"
    problem = is_problem(await admin.post("/users", json={"role": "x"}), 422, "validation_failed")
    assert {error["field"] for error in problem["errors"]} == {"username", "password", "role"}
    problem = is_problem(
        await admin.post("/users", content="{", headers={"Content-Type": "application/json"}),
        422,
        "validation_failed",
    )
    long = await admin.post("/users", content=b"x" * (1024 * 1024 + 1))
    is_problem(long, 413, "too_large")


async def test_what_a_service_refuses_is_passed_on(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.get"] = no_such_station
    is_problem(await admin.get("/stations/unknown"), 404, "not_found")

    def conflict(_: Answer) -> None:
        raise refuse(409, "id_token_exists", "there is one", ("id_token", "differs in case only"))

    stations.sessions.operations["id_tokens.create"] = conflict
    problem = is_problem(
        await admin.post("/id-tokens", json={"id_token": "tag"}), 409, "id_token_exists"
    )
    assert problem["errors"] == [{"field": "id_token", "message": "differs in case only"}]


async def test_status_tells_what_is_up_and_a_service_that_is_away_is_503(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    fleet = {"stations": 4, "stations_online": 1, "stations_unconfirmed": 2, "gateways": []}
    stations.registry.operations["fleet.status"] = lambda _: fleet
    status = (await admin.get("/status")).json()
    assert (status["broker"], status["database"], status["station_registry"]) == ("up",) * 3
    assert (status["stations_online"], status["stations_unconfirmed"]) == (1, 2)
    assert status["warnings"] == {}
    warnings = {"certificate_authority": "its certificate can't be used"}
    stations.registry.operations["fleet.status"] = lambda _: {**fleet, "warnings": warnings}
    assert (await admin.get("/status")).json()["warnings"] == warnings
    assert status["time"].endswith("Z")
    stations.registry.silent = True
    try:
        async with asyncio.timeout(8):
            answers = await asyncio.gather(
                admin.get("/stations"),
                admin.get("/stations/S"),
                admin.post("/stations/unknown-now/commands/Reset", json={"type": "Soft"}),
                admin.get("/status"),
            )
    finally:
        stations.registry.silent = False
    for answer in answers[:3]:
        is_problem(answer, 503, "service_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert answers[3].json()["station_registry"] == "down"
    assert answers[3].json()["stations_online"] is None
    assert answers[3].json()["stations_unconfirmed"] is None
    assert answers[3].json()["warnings"] is None


async def test_a_request_that_is_no_text_of_ours_has_its_field_named(
    admin: httpx.AsyncClient,
) -> None:
    broken = await admin.post(
        "/id-tokens", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert is_problem(broken, 422, "validation_failed")["errors"][0]["field"] == "body"
    nul = await admin.get("/jobs?limit=5&station_id=%00")
    assert is_problem(nul, 422, "validation_failed")["errors"][0]["field"] == "station_id"


async def test_the_documentation_comes_from_this_process_alone(
    nobody: httpx.AsyncClient,
) -> None:
    answer = await nobody.get("/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "//" not in answer.text
    for asset in ("/docs/ui/swagger-ui-bundle.js", "/docs/ui/swagger-ui.css", "/docs/start.js"):
        assert (await nobody.get(asset)).status_code == 200
    is_problem(await nobody.get("/docs/..%2Findex.html"), 404, "not_found")


async def test_probes_answer_on_the_rest_port_too(nobody: httpx.AsyncClient) -> None:
    assert (await nobody.get("/healthz")).text == "ok"
    assert (await nobody.get("/readyz")).json() == {"ready": True, "missing": {}}

"""Reservations, jobs and rollouts are made once for an idempotency key, whatever gets lost."""

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from command_api_fakes import Answer, Stations, api_key, is_problem
from fake_service import FakeService, Gibberish
from migrated_database import Database

from command_api.database import SCHEMA
from command_api.idempotency.handlers import IdempotentCreation, KeyedRequest
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.engine import create_engine

pytestmark = pytest.mark.asyncio(loop_scope="package")

_RESERVATION = {
    "station_id": "S1",
    "connector_id": 1,
    "id_token": "T1",
    "expires_at": "2999-01-01T00:00:00Z",
}
_FIRMWARE = {"location": "https://f.example/2"}
ROUTES: tuple[tuple[str, Answer], ...] = (
    ("/reservations", _RESERVATION),
    ("/stations/S1/firmware-jobs", _FIRMWARE),
    ("/stations/S1/diagnostics-jobs", {}),
    ("/stations/S1/log-jobs", {"log_type": "SecurityLog"}),
    ("/firmware-rollouts", {**_FIRMWARE, "name": "2.0", "station_ids": ["S1"]}),
)


class Maker:
    """Makes things in the place of the services, each id once."""

    def __init__(self) -> None:
        self.made: dict[str, Answer] = {}
        self.answers_get_lost = False
        self.refuses = False

    def serve(self, service: FakeService, create: str, find: str, name: str) -> None:
        def make(parameters: Answer) -> Answer:
            if self.refuses:
                raise refuse(409, "not_now", "not now")
            made = self.made.setdefault(parameters[name], {"id": parameters[name], "status": "new"})
            if self.answers_get_lost:
                raise Gibberish
            return made

        def get(parameters: Answer) -> Answer:
            if parameters[name] not in self.made:
                raise refuse(404, "not_found", "there is none")
            return self.made[parameters[name]]

        service.operations |= {create: make, find: get}


@pytest.fixture
def maker(stations: Stations) -> Iterator[Maker]:
    """Serve the creations of all routes."""
    maker = Maker()
    registry, sessions = stations.registry, stations.sessions
    before = dict(registry.operations), dict(sessions.operations)
    registry.operations["stations.get"] = lambda parameters: parameters
    maker.serve(registry, "jobs.create", "jobs.get", "job_id")
    maker.serve(registry, "rollouts.create", "rollouts.get", "rollout_id")
    maker.serve(sessions, "reservations.create", "reservations.find", "command_id")
    yield maker
    registry.operations, sessions.operations = before


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(12)}


@pytest.mark.parametrize(("path", "body"), ROUTES)
async def test_the_same_key_returns_what_it_made_as_it_is_now(
    admin: httpx.AsyncClient, maker: Maker, path: str, body: Answer
) -> None:
    key = new_key()
    first = await admin.post(path, json=body, headers=key)
    assert first.status_code == 201, first.text
    maker.made[first.json()["id"]]["status"] = "later"
    again = await admin.post(path, json=body, headers=key)
    assert (again.status_code, again.json()) == (201, {**first.json(), "status": "later"})
    assert again.headers.get("location") == first.headers.get("location")
    assert len(maker.made) == 1
    without = await admin.post(path, json=body)
    other = await admin.post(path, json=body, headers=new_key())
    assert len({first.json()["id"], without.json()["id"], other.json()["id"]}) == 3


@pytest.mark.parametrize(("path", "body"), ROUTES)
async def test_a_request_whose_answer_was_lost_is_repeated_with_its_key(
    admin: httpx.AsyncClient, maker: Maker, path: str, body: Answer
) -> None:
    key = new_key()
    maker.answers_get_lost = True
    is_problem(await admin.post(path, json=body, headers=key), 503, "service_unavailable")
    maker.answers_get_lost = False
    again = await admin.post(path, json=body, headers=key)
    assert again.status_code == 201
    assert list(maker.made) == [again.json()["id"]]


@pytest.mark.parametrize(("path", "body"), ROUTES)
async def test_what_was_refused_leaves_its_key_free(
    admin: httpx.AsyncClient, maker: Maker, path: str, body: Answer
) -> None:
    key = new_key()
    maker.refuses = True
    is_problem(await admin.post(path, json=body, headers=key), 409, "not_now")
    maker.refuses = False
    assert (await admin.post(path, json=body, headers=key)).status_code == 201


async def test_many_requests_at_once_with_one_key_make_one_thing(
    admin: httpx.AsyncClient, maker: Maker
) -> None:
    path, body = ROUTES[0]
    key = new_key()
    answers = await asyncio.gather(*(admin.post(path, json=body, headers=key) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["id"] for answer in answers} == set(maker.made)
    assert len(maker.made) == 1


async def test_a_key_stands_for_one_request_of_one_principal(
    admin: httpx.AsyncClient, stations: Stations, maker: Maker, rest_url: str
) -> None:
    path, body = ROUTES[0]
    key = new_key()
    first = await admin.post(path, json=body, headers=key)
    changed: dict[str, Any] = {**body, "connector_id": 2}
    for other_path, other_body in ((path, changed), ROUTES[1]):
        refused = await admin.post(other_path, json=other_body, headers=key)
        is_problem(refused, 422, "idempotency_key_reused")
    command = await admin.post(
        f"/stations/{stations.online()}/commands/Reset", json={"type": "Soft"}, headers=key
    )
    is_problem(command, 422, "idempotency_key_reused")
    somebody_else = await api_key(admin, "operator")
    async with httpx.AsyncClient(base_url=f"{rest_url}/api/v1", trust_env=False) as client:
        theirs = await client.post(path, json=body, headers={**key, **somebody_else})
    assert theirs.json()["id"] != first.json()["id"]


async def test_a_key_is_visible_text(admin: httpx.AsyncClient, maker: Maker) -> None:
    path, body = ROUTES[0]
    refused = await admin.post(path, json=body, headers={"Idempotency-Key": "a b"})
    problem = is_problem(refused, 422, "validation_failed")
    assert problem["errors"][0]["field"] == "Idempotency-Key"
    assert maker.made == {}


@pytest.mark.parametrize("before", ["find", "make"])
async def test_a_refusal_does_not_free_a_key_that_another_request_makes_something_with(
    command_database: Database, before: str
) -> None:
    engine = create_engine(command_database.service_url, SCHEMA, name="tests", pool_size=3)
    creation = IdempotentCreation(engine, b"secret")
    keyed = KeyedRequest("default", "somebody", secrets.token_hex(8), "/things", b"{}")
    made: list[UUID] = []
    first_asks, second_asks, first_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def refused(_: UUID) -> Answer:
        first_asks.set()
        await second_asks.wait()
        raise refuse(409, "not_now", "not now")

    async def find(id: UUID) -> Answer:
        if id not in made:
            await wait_at("find")
            raise refuse(404, "not_found", "there is none")
        return {}

    async def make(id: UUID) -> Answer:
        await wait_at("make")
        made.append(id)
        return {}

    async def wait_at(place: str) -> None:
        if place == before:
            second_asks.set()
            await first_ended.wait()

    first = asyncio.create_task(creation.once(keyed, refused, find))
    try:
        async with asyncio.timeout(10):
            await first_asks.wait()
            second = asyncio.create_task(creation.once(keyed, make, find))
            with pytest.raises(ProblemRaised):
                await first
            first_ended.set()
            id, _ = await second
            assert await creation.once(keyed, make, find) == (id, {})
    finally:
        await engine.dispose()
    assert made == [id]


@pytest.mark.parametrize("made_before_the_refusal", [False, True])
async def test_a_refusal_does_not_free_a_key_that_an_earlier_request_makes_something_with(
    command_database: Database, made_before_the_refusal: bool
) -> None:
    engine = create_engine(command_database.service_url, SCHEMA, name="tests", pool_size=3)
    creation = IdempotentCreation(engine, b"secret")
    keyed = KeyedRequest("default", "somebody", secrets.token_hex(8), "/things", b"{}")
    made: list[UUID] = []
    first_asks, may_make, has_made = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def find(id: UUID) -> Answer:
        if id not in made:
            raise refuse(404, "not_found", "there is none")
        return {}

    async def make(id: UUID) -> Answer:
        first_asks.set()
        await may_make.wait()
        made.append(id)
        has_made.set()
        return {}

    async def refused(_: UUID) -> Answer:
        if made_before_the_refusal:
            may_make.set()
            await has_made.wait()
        raise refuse(409, "not_now", "not now any more")

    first = asyncio.create_task(creation.once(keyed, make, find))
    try:
        async with asyncio.timeout(10):
            await first_asks.wait()
            second = creation.once(keyed, refused, find)
            if made_before_the_refusal:
                assert await second == await first
            else:
                with pytest.raises(ProblemRaised):
                    await second
            may_make.set()
            id, _ = await first
            assert await creation.once(keyed, make, find) == (id, {})
            assert made == [id]
    finally:
        first.cancel()
        await engine.dispose()

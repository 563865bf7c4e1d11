"""What tariffs are assigned to."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from asking import Asking, Document
from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.tariffs.store.choosing import ToPrice, choose
from csms_shared.contracts.refusals import ProblemRaised

TARGETS = ("id_token", "group_id", "station_id", "tag", "site_id")


@pytest.fixture
def ask(requests_engine: AsyncEngine) -> Asking:
    return Asking(requests_engine)


@pytest.fixture
async def tariff_id(ask: Asking) -> str:
    made: str = (await ask.create())["tariff_id"]
    return made


async def _problem(asked: Any) -> tuple[int, list[str]]:
    with pytest.raises(ProblemRaised) as caught:
        await asked
    problem = caught.value.problem
    return problem.status, [one.field for one in problem.errors]


@pytest.mark.parametrize("target", [*TARGETS, "tenant"])
async def test_an_assignment_names_what_it_is_to(ask: Asking, tariff_id: str, target: str) -> None:
    value = None if target == "tenant" else " Ab/1 "
    made = await ask.assign(
        tariff_id,
        target,
        value,
        valid_from="2026-12-01T00:00:00+01:00",
        valid_to="9999-12-31T00:00:00Z",
    )
    assert {name: made[name] for name in TARGETS} == {
        name: value if name == target else None for name in TARGETS
    }
    assert (made["valid_from"], made["valid_to"]) == (
        "2026-11-30T23:00:00.000Z",
        "9999-12-31T00:00:00.000Z",
    )
    assert (made["tariff_id"], made["tariff_name"]) == (tariff_id, "Harbour")
    found = await ask("tariff_assignments.get", assignment_id=made["assignment_id"])
    assert found == made
    await ask("tariff_assignments.delete", assignment_id=made["assignment_id"])
    for operation in ("get", "delete"):
        asked = ask(f"tariff_assignments.{operation}", assignment_id=made["assignment_id"])
        assert (await _problem(asked))[0] == 404


async def test_an_assignment_that_is_made_again_is_the_same_one(
    ask: Asking, tariff_id: str
) -> None:
    wanted = uuid4()
    made = await asyncio.gather(
        *(ask.assign(tariff_id, "tag", "fast", assignment_id=wanted) for _ in range(5))
    )
    assert len({str(one) for one in made}) == 1
    assert await ask.all("tariff_assignments.list") == [made[0]]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"target": "tenant", "value": "x"}, "value"),
        ({"target": "tag"}, "tag"),
        ({"target": "id_token", "value": "  "}, "id_token"),
        (
            {
                "target": "tenant",
                "valid_from": "2026-12-01T00:00:00Z",
                "valid_to": "2026-12-01T01:00:00+01:00",
            },
            "valid_to",
        ),
    ],
)
async def test_an_assignment_that_could_never_hold_is_refused(
    ask: Asking, tariff_id: str, wanted: Document, field: str
) -> None:
    assert await _problem(ask.assign(tariff_id, **wanted)) == (422, [field])
    assert await ask.all("tariff_assignments.list") == []


async def test_assignments_are_listed_newest_first_and_found_by_what_they_are_of(
    ask: Asking, tariff_id: str
) -> None:
    other = (await ask.create(name="Quay"))["tariff_id"]
    made = [
        await ask.assign(tariff, target, None if target == "tenant" else "Ab")
        for target in (*TARGETS, "tenant")
        for tariff in (tariff_id, other)
    ]
    assert await ask.all("tariff_assignments.list") == made[::-1]
    assert await ask.all("tariff_assignments.list", tariff_id=other) == made[::-1][::2]
    assert await ask.all("tariff_assignments.list", target="tenant") == [made[11], made[10]]
    for number, target in enumerate(TARGETS):
        pair = [made[2 * number + 1], made[2 * number]]
        found = await ask.all("tariff_assignments.list", target=target, value="Ab")
        assert found == pair
        # Tokens and groups of OCPP have no case; ids of ours have.
        found = await ask.all("tariff_assignments.list", target=target, value=" aB ")
        assert found == (pair if target in ("id_token", "group_id") else [])
    await ask("tariffs.change", tariff_id=other, name="Pier", tariff=_other(), changed_by="bob")
    shown = await ask.all("tariff_assignments.list", tariff_id=other)
    assert {one["tariff_name"] for one in shown} == {"Pier"}


async def test_what_began_while_an_assignment_was_there_is_priced_by_it_when_it_is_deleted(
    ask: Asking, tariff_id: str, engine: AsyncEngine
) -> None:
    before = datetime.now(UTC)
    made = await ask.assign(tariff_id, "tenant")
    meanwhile = datetime.now(UTC)
    await ask("tariff_assignments.delete", assignment_id=made["assignment_id"])
    await ask("tariffs.delete", tariff_id=tariff_id)
    sessions = [
        ToPrice(number, at, "T", None, "S", (), None)
        for number, at in enumerate((before, meanwhile, datetime.now(UTC)))
    ]
    async with engine.connect() as connection:
        found = await choose(connection, "default", sessions)
    assert {number: str(one.tariff_id) for number, one in found.items()} == {1: tariff_id}


async def test_what_is_assigned_instead_counts_for_the_times_that_it_holds_for(
    ask: Asking, tariff_id: str, engine: AsyncEngine
) -> None:
    wrong = await ask.assign(tariff_id, "tenant")
    meanwhile = datetime.now(UTC)
    right = (await ask.create(name="Quay"))["tariff_id"]
    await ask.assign(right, "tenant")
    await ask("tariff_assignments.delete", assignment_id=wrong["assignment_id"])
    async with engine.connect() as connection:
        found = await choose(
            connection, "default", [ToPrice(1, meanwhile, "T", None, "S", (), None)]
        )
    assert str(found[1].tariff_id) == right


def _other() -> Document:
    return {
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "FLAT", "price": 1, "step_size": 0}]}],
    }

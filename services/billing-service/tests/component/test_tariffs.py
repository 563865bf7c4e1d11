"""Tariffs in versions, kept, changed, deleted, each in its tenant."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from asking import ENERGY, TARIFF, Asking, Document
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.requests import Problem


@pytest.fixture
def ask(requests_engine: AsyncEngine) -> Asking:
    return Asking(requests_engine)


def priced(price: Any, **fields: Any) -> Document:
    """A tariff of one price a kWh."""
    components = [{**ENERGY, "price": price}]
    return {"currency": "EUR", "elements": [{"price_components": components}], **fields}


async def refused(status: int, code: str, asked: Any) -> Problem:
    with pytest.raises(ProblemRaised) as caught:
        await asked
    problem = caught.value.problem
    assert (problem.status, problem.code) == (status, code), problem
    return problem


async def test_a_change_is_a_new_version_and_the_old_ones_stay(ask: Asking) -> None:
    made = await ask.create(priced(0.45))
    tariff_id = made["tariff_id"]
    assert (made["version"], made["created_by"], made["changed_by"]) == (1, "ada", "ada")
    assert made["created_at"] == made["changed_at"]
    changed = await ask(
        "tariffs.change", tariff_id=tariff_id, name="Quay", tariff=priced(0.5), changed_by="bob"
    )
    assert (changed["version"], changed["name"], changed["tariff"]) == (2, "Quay", priced(0.5))
    assert (changed["created_by"], changed["changed_by"]) == ("ada", "bob")
    assert changed["created_at"] == made["created_at"] <= changed["changed_at"]
    assert await ask("tariffs.get", tariff_id=tariff_id) == changed
    assert await ask("tariffs.get", tariff_id=tariff_id, version=2) == changed
    assert await ask("tariffs.get", tariff_id=tariff_id, version=1) == made
    assert await ask.all("tariffs.list") == [changed]
    await refused(404, "not_found", ask("tariffs.get", tariff_id=tariff_id, version=3))
    await refused(404, "not_found", ask("tariffs.get", tariff_id=uuid4()))


@pytest.mark.parametrize(
    ("again", "is_new"),
    [
        ({}, False),
        ({"name": "Quay"}, True),
        ({"tariff": priced(0.450)}, False),
        ({"tariff": priced(0.45, min_price=None)}, False),
        ({"tariff": priced(0.4501)}, True),
        ({"tariff": priced(0.45, type="REGULAR")}, True),
        ({"tariff": priced(0.45, tariff_alt_text=[{"language": "en", "text": "x"}])}, True),
    ],
)
async def test_without_a_change_there_is_no_new_version(
    ask: Asking, again: Document, is_new: bool
) -> None:
    made = await ask.create(priced(0.45))
    content = {"name": "Harbour", "tariff": priced(0.45), "changed_by": "bob", **again}
    changed = await ask("tariffs.change", tariff_id=made["tariff_id"], **content)
    assert (changed == made) is not is_new
    assert changed["version"] == (2 if is_new else 1)


async def test_changes_at_once_are_versions_one_after_the_other(ask: Asking) -> None:
    tariff_id = (await ask.create(priced(0)))["tariff_id"]
    changed = await asyncio.gather(
        *(
            ask(
                "tariffs.change",
                tariff_id=tariff_id,
                name="Harbour",
                tariff=priced(number),
                changed_by="bob",
            )
            for number in range(1, 8)
        )
    )
    assert sorted(one["version"] for one in changed) == list(range(2, 9))
    kept = [
        await ask("tariffs.get", tariff_id=tariff_id, version=version) for version in range(1, 9)
    ]
    times = [one["changed_at"] for one in kept]
    assert times == sorted(times)
    for one in changed:
        assert kept[one["version"] - 1] == one


async def test_a_tariff_that_is_made_again_is_the_same_one(ask: Asking) -> None:
    wanted = uuid4()
    made = await asyncio.gather(
        *(ask.create(priced(number), tariff_id=wanted) for number in range(5))
    )
    assert len({str(one) for one in made}) == 1
    assert await ask.all("tariffs.list") == [made[0]]
    changed = await ask(
        "tariffs.change", tariff_id=wanted, name="Quay", tariff=priced(9), changed_by="bob"
    )
    # Its answer was lost, and meanwhile somebody has changed it.
    assert await ask.create(priced(1), tariff_id=wanted) == changed


async def test_all_that_is_wrong_is_said_at_once_by_the_names_of_fields(ask: Asking) -> None:
    bad: Document = {
        "currency": "EUR",
        "elements": [
            {"price_components": [ENERGY], "restrictions": {"min_kwh": 5, "max_kwh": 5}},
            {"price_components": [{**ENERGY, "price": 0.12345}], "restriction": {}},
        ],
    }
    problem = await refused(422, "validation_failed", ask.create(bad))
    assert [one.field for one in problem.errors] == [
        "tariff.elements[0].restrictions.max_kwh",
        "tariff.elements[1].price_components[0].price",
        "tariff.elements[1].restriction",
    ]
    assert "at most 4 decimals" in problem.errors[1].message
    assert (await refused(422, "validation_failed", ask.create({"x": 1}))).errors
    worst = {"currency": "EUR", "elements": [{str(number): 1 for number in range(1_000)}]}
    assert len((await refused(422, "validation_failed", ask.create(worst))).errors) == 100
    assert await ask.all("tariffs.list") == []
    made = await ask.create()
    change = ask(
        "tariffs.change",
        tariff_id=made["tariff_id"],
        name="x",
        tariff={**TARIFF, "currency": "XXX"},
        changed_by="bob",
    )
    assert (await refused(422, "validation_failed", change)).errors[0].field == "tariff.currency"
    assert await ask("tariffs.get", tariff_id=made["tariff_id"]) == made


@pytest.mark.parametrize(
    "tariff",
    [
        priced(10**9, max_price={"excl_vat": 10**9}),
        priced(999_999_999.9999),
        priced(0.0001),
        priced(0),
        {"currency": "EUR", "elements": [{"price_components": [ENERGY]}] * 100},
        priced(1, currency="JPY", tariff_alt_text=[{"language": "ja", "text": "充電\U0001f50c"}]),
        priced(1, currency="BHD", min_price={"excl_vat": 0.001}),
        priced(1, start_date_time="1970-01-01T00:00:00Z", end_date_time="9999-12-31T23:59:59Z"),
    ],
)
async def test_extreme_tariffs_are_kept_as_they_are_written(ask: Asking, tariff: Document) -> None:
    made = await ask.create(tariff, name="\U0001f50c" * 255)
    assert made["tariff"] == tariff
    assert await ask("tariffs.get", tariff_id=made["tariff_id"]) == made


async def test_a_tariff_that_is_assigned_is_not_deleted(ask: Asking) -> None:
    made = await ask.create()
    tariff_id = made["tariff_id"]
    past = {"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2020-01-02T00:00:00Z"}
    assigned = await ask.assign(tariff_id, "tag", "fast", **past)
    await refused(409, "tariff_assigned", ask("tariffs.delete", tariff_id=tariff_id))
    await ask("tariff_assignments.delete", assignment_id=assigned["assignment_id"])
    await ask("tariffs.delete", tariff_id=tariff_id)
    assert await ask.all("tariffs.list") == []
    # What was billed by it can be read, and nothing else can be done with it.
    assert await ask("tariffs.get", tariff_id=tariff_id, version=1) == made
    change = {"name": "x", "tariff": priced(1), "changed_by": "bob"}
    for asked in (
        ask("tariffs.get", tariff_id=tariff_id),
        ask("tariffs.delete", tariff_id=tariff_id),
        ask("tariffs.change", tariff_id=tariff_id, **change),
        ask.assign(tariff_id),
        ask.create(tariff_id=tariff_id),
    ):
        await refused(404, "not_found", asked)


async def test_no_tariff_is_deleted_while_it_is_being_assigned(ask: Asking) -> None:
    for _ in range(10):
        tariff_id = (await ask.create())["tariff_id"]
        outcomes = await asyncio.gather(
            ask.assign(tariff_id, "site_id", "a"),
            ask("tariffs.delete", tariff_id=tariff_id),
            ask.assign(tariff_id, "site_id", "b"),
            return_exceptions=True,
        )
        codes = [one.problem.code for one in outcomes if isinstance(one, ProblemRaised)]
        assert codes in (["tariff_assigned"], ["not_found", "not_found"])
        assigned = await ask.all("tariff_assignments.list", tariff_id=tariff_id)
        assert len(assigned) == (2 if codes == ["tariff_assigned"] else 0)


async def test_tariffs_are_listed_newest_first_and_found_by_a_part_of_their_name(
    ask: Asking,
) -> None:
    names = ["Harbour", "harbour night", "100%", "under_score", "Quay", "HARBOUR", "x"]
    made = [await ask.create(name=name) for name in names]
    assert [one["name"] for one in await ask.all("tariffs.list")] == names[::-1]
    assert await ask.all("tariffs.list", limit=500) == made[::-1]
    found = await ask.all("tariffs.list", q="arbour")
    assert [one["name"] for one in found] == ["HARBOUR", "harbour night", "Harbour"]
    for part, name in (("%", "100%"), ("_", "under_score")):
        assert [one["name"] for one in await ask.all("tariffs.list", q=part)] == [name]
    assert await ask.all("tariffs.list", q="none") == []
    await refused(422, "bad_cursor", ask("tariffs.list", cursor="x"))


async def test_a_tariff_of_another_tenant_is_as_one_that_does_not_exist(ask: Asking) -> None:
    made = await ask.create()
    assigned = await ask.assign(made["tariff_id"])
    other = ask.of("other")
    own = await other.create()
    change = {"name": "x", "tariff": priced(1), "changed_by": "bob"}
    for tariff_id in (made["tariff_id"], str(uuid4())):
        for asked in (
            other("tariffs.get", tariff_id=tariff_id),
            other("tariffs.get", tariff_id=tariff_id, version=1),
            other("tariffs.change", tariff_id=tariff_id, **change),
            other("tariffs.delete", tariff_id=tariff_id),
            other.assign(tariff_id),
        ):
            problem = await refused(404, "not_found", asked)
            assert problem.detail == f"there is no tariff {tariff_id}"
    for assignment_id in (assigned["assignment_id"], str(uuid4())):
        for operation in ("get", "delete"):
            asked = other(f"tariff_assignments.{operation}", assignment_id=assignment_id)
            await refused(404, "not_found", asked)
    assert await other.all("tariffs.list") == [own]
    assert await other.all("tariff_assignments.list") == []
    assert await ask("tariffs.get", tariff_id=made["tariff_id"]) == made
    assert await ask.all("tariff_assignments.list") == [assigned]

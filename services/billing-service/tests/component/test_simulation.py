"""What a session would cost: as it is calculated for a bill."""

from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from asking import Asking, Document
from billing_cases import element, price
from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.costs.domain.session_cost import session_cost
from billing_service.costs.domain.shown import shown
from billing_service.costs.domain.simulated_facts import simulated_facts
from billing_service.costs.handlers import simulation
from billing_service.tariffs.domain.reading import read_tariff
from csms_shared.contracts.billing import Simulate
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.requests import Problem

NIGHT = element(price("ENERGY", 0.2), start_time="22:00", end_time="06:00")
TARIFF: Document = {
    "currency": "EUR",
    "elements": [NIGHT, element(price("ENERGY", 0.4, 19), price("PARKING_TIME", 6, 19))],
}
SESSION: Document = {
    "started_at": "2026-11-20T20:00:00Z",
    "stopped_at": "2026-11-21T06:00:00Z",
    "time_zone": "Europe/Berlin",
    "meter_start": 1000.1,
    "meter_stop": 11000.1,
    "readings": [{"at": "2026-11-20T22:00:00Z", "energy_wh": 3000.1}],
    "statuses": [{"at": "2026-11-20T22:00:00Z", "status": "Charging"}],
}


@pytest.fixture
def ask(requests_engine: AsyncEngine) -> Asking:
    return Asking(requests_engine)


async def _refused(asked: Any) -> Problem:
    with pytest.raises(ProblemRaised) as caught:
        await asked
    return caught.value.problem


async def test_a_simulated_session_costs_what_it_would_be_billed(ask: Asking) -> None:
    tariff = await ask.create(TARIFF)
    cost = await ask("tariffs.simulate", tariff_id=tariff["tariff_id"], **SESSION)
    facts = simulated_facts(Simulate(tariff_id=uuid4(), **SESSION))
    calculated = session_cost(facts, read_tariff(TARIFF), ZoneInfo("Europe/Berlin"))
    expected = shown(calculated)
    assert {name: cost[name] for name in expected} == expected
    # An hour before 22:00 with 1 kWh, eight at night, one after them.
    assert (cost["total_excl_vat"], cost["energy_kwh"]) == ("2.40", "10")
    assert (cost["final"], cost["status"]) == (True, "final")
    assert (cost["tariff_name"], cost["tariff_version"]) == ("Harbour", 1)
    assert (cost["time_zone"], cost["transaction_id"]) == ("Europe/Berlin", None)
    elsewhere = {**SESSION, "time_zone": "America/New_York"}
    other = await ask("tariffs.simulate", tariff_id=tariff["tariff_id"], **elsewhere)
    assert other["total_excl_vat"] != cost["total_excl_vat"]


async def test_the_newest_version_counts_unless_another_is_named(ask: Asking) -> None:
    tariff_id = (await ask.create(TARIFF))["tariff_id"]
    flat = {"currency": "EUR", "elements": [element(price("FLAT", 1))]}
    await ask("tariffs.change", tariff_id=tariff_id, name="x", tariff=flat, changed_by="bob")
    newest = await ask("tariffs.simulate", tariff_id=tariff_id, **SESSION)
    assert (newest["tariff_version"], newest["total_excl_vat"]) == (2, "1.00")
    first = await ask("tariffs.simulate", tariff_id=tariff_id, version=1, **SESSION)
    assert (first["tariff_version"], first["total_excl_vat"]) == (1, "2.40")
    missing = ask("tariffs.simulate", tariff_id=tariff_id, version=3, **SESSION)
    assert (await _refused(missing)).status == 404
    assert (await _refused(ask("tariffs.simulate", tariff_id=uuid4(), **SESSION))).status == 404
    others = ask.of("other")("tariffs.simulate", tariff_id=tariff_id, **SESSION)
    assert (await _refused(others)).status == 404


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stopped_at": "2026-11-20T19:00:00Z"}, "stop_before_start"),
        ({"meter_stop": 0}, "negative_energy"),
    ],
)
async def test_what_can_not_be_right_is_calculated_and_said(
    ask: Asking, changes: Document, reason: str
) -> None:
    tariff_id = (await ask.create(TARIFF))["tariff_id"]
    cost = await ask("tariffs.simulate", tariff_id=tariff_id, **{**SESSION, **changes})
    assert (cost["status"], cost["review"]) == ("review", [reason])


async def test_a_session_of_too_many_periods_is_refused(ask: Asking) -> None:
    hours = [
        element(
            price("TIME", hour), start_time=f"{hour:02}:00", end_time=f"{(hour + 1) % 24:02}:00"
        )
        for hour in range(24)
    ]
    tariff_id = (await ask.create({"currency": "EUR", "elements": hours}))["tariff_id"]
    years = {**SESSION, "started_at": "1970-01-01T00:00:00Z", "readings": [], "statuses": []}
    problem = await _refused(ask("tariffs.simulate", tariff_id=tariff_id, **years))
    assert (problem.status, problem.code) == (422, "too_many_periods")


async def test_an_unknown_zone_is_refused_by_its_field(ask: Asking) -> None:
    tariff_id = (await ask.create(TARIFF))["tariff_id"]
    for zone in ("Berlin", "", "../UTC", "Factory"):
        asked = ask("tariffs.simulate", tariff_id=tariff_id, **{**SESSION, "time_zone": zone})
        problem = await _refused(asked)
        assert [one.field for one in problem.errors] == ["time_zone"]


async def test_others_who_simulate_keep_no_further_one_waiting(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    tariff_id = (await ask.create(TARIFF))["tariff_id"]
    monkeypatch.setattr(simulation, "AT_ONCE", 0)
    problem = await _refused(ask("tariffs.simulate", tariff_id=tariff_id, **SESSION))
    assert (problem.status, problem.code) == (429, "too_busy")
    monkeypatch.undo()
    assert (await ask("tariffs.simulate", tariff_id=tariff_id, **SESSION))["final"]

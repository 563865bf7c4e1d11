"""Whatever the way to its end: a session costs what its facts say, to the cent, everywhere."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bill_books import PER_KWH, START, Books, ended, started, updated

from billing_service.bills.domain.facts import facts_of
from billing_service.costs.domain.session_cost import session_cost
from billing_service.costs.handlers.simulation import Simulation
from billing_service.tariffs.domain.reading import read_tariff
from csms_shared.contracts.billing import CostView, Simulate
from csms_shared.contracts.session_facts import PlaceView, SessionFactsView
from csms_shared.db.tenancy import acting_for
from csms_shared.values.times import format_exact_time

BY_THE_CLOCK: dict[str, Any] = {
    "currency": "EUR",
    "min_price": {"excl_vat": 1.5},
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.2391, "vat": 19, "step_size": 1},
                {"type": "TIME", "price": 1.2, "vat": 7, "step_size": 60},
            ],
            "restrictions": {"start_time": "09:15", "end_time": "09:40"},
        },
        {
            "price_components": [
                {"type": "FLAT", "price": 0.5, "vat": 19, "step_size": 1},
                {"type": "ENERGY", "price": 0.41, "vat": 19, "step_size": 1},
                {"type": "PARKING_TIME", "price": 3.33, "step_size": 300},
            ]
        },
    ],
}
TARIFFS = (PER_KWH, BY_THE_CLOCK)
METER = 1_000


class Session:
    """A session with its readings, of which not all may be known yet."""

    def __init__(self, chance: random.Random, transaction_id: int) -> None:
        self.transaction_id = transaction_id
        minutes = sorted(chance.sample(range(1, 120), 12))
        energies = sorted(chance.randrange(0, 30_000) for _ in minutes)
        self.readings = [
            {
                "at": format_exact_time(START + timedelta(minutes=at)),
                "energy_wh": str(METER + energy),
            }
            for at, energy in zip(minutes, energies, strict=True)
        ]
        self.stopped_at = self.readings[-1]["at"]
        self.meter_stop = METER + energies[-1]

    def goes_on(self, books: Books, chance: random.Random, share: int) -> None:
        """Know so many of the readings, in any order, and some of them twice."""
        readings = self.readings[:share] + self.readings[: share // 2]
        chance.shuffle(readings)
        books.ask.know(
            self.transaction_id, revision=0, stopped_at=None, meter_stop=None, readings=readings
        )

    def ends(self, books: Books, chance: random.Random, revision: int, missing: int = 0) -> None:
        """Know its end; some readings come later."""
        readings = chance.sample(self.readings, len(self.readings) - missing)
        books.ask.know(
            self.transaction_id,
            revision=revision,
            stopped_at=self.stopped_at,
            meter_stop=self.meter_stop,
            readings=readings,
        )


def _totals(cost: CostView) -> tuple[str | None, ...]:
    return cost.currency, cost.total_excl_vat, cost.total_incl_vat, cost.energy_kwh


@pytest.mark.parametrize("document", TARIFFS)
@pytest.mark.parametrize("seed", range(6))
async def test_every_history_of_a_session_ends_with_the_cost_of_its_facts(
    books: Books, seed: int, document: dict[str, Any]
) -> None:
    chance = random.Random(seed)
    tariff_id = await books.assign(document)
    sessions = [Session(chance, number) for number in range(1, 4)]
    steps = ["figures", "figures", "end", "end again", "late"] * 2
    running: dict[int, CostView] = {}
    for one in sessions:
        one.goes_on(books, chance, len(one.readings))
        await books.tell(*chance.sample([started(one.transaction_id)], 1))
        await books.tell(updated(one.transaction_id))
        await books.running.round()
        running[one.transaction_id] = await books.cost(one.transaction_id)
    for one in sessions:
        chance.shuffle(steps)
        revision = 1
        for step in steps:
            match step:
                case "figures" if revision == 1:
                    await books.tell(updated(one.transaction_id))
                case "end" | "end again":
                    one.ends(books, chance, revision, missing=chance.randrange(3))
                    events = [ended(one.transaction_id, of) for of in range(1, revision + 1)]
                    await books.tell(*chance.sample(events, len(events)))
                    revision += chance.randrange(2)
                case _:
                    await books.all_due()
            await books.running.round()
            await books.settle()
        one.ends(books, chance, revision + 1)
        await books.tell(ended(one.transaction_id, revision + 1))
        await books.settle()
    records = [one.cdr for one in (await books.cdrs(limit=500)).items]
    for one in sessions:
        number = one.transaction_id
        final = await books.cost(number)
        session = SessionFactsView.model_validate(books.ask.facts[number])
        place = PlaceView.model_validate(books.ask.of_places[number])
        exact = session_cost(
            facts_of(session, place), read_tariff(document), ZoneInfo("Europe/Berlin")
        )
        assert (final.total_excl_vat, final.total_incl_vat) == (
            str(exact.total_excl_vat),
            str(exact.total_incl_vat),
        )
        assert final.final
        # With the last reading at the end, what it had cost so far is what it costs.
        assert _totals(running[number]) == _totals(final)
        of_session = [record for record in records if record["session_id"] == str(number)]
        sums = [Decimal(str(record["total_cost"]["incl_vat"])) for record in of_session]
        assert sum(sums) == Decimal(final.total_incl_vat or "")
        # Nothing is corrected that had not changed.
        bills = await books.bills(transaction_id=number)
        amounts = [bill.total_incl_vat for bill in reversed(bills) if bill.kind == "bill"]
        shares = [(bill.total_excl_vat, bill.total_incl_vat) for bill in bills]
        assert len(bills) == 2 * len(amounts) - 1
        assert shares[0] == (final.total_excl_vat, final.total_incl_vat)
        with acting_for("default"):
            simulated = await Simulation(books.requests_engine)(
                Simulate(
                    tariff_id=tariff_id,
                    started_at=START,
                    stopped_at=session.stopped_at,
                    time_zone="Europe/Berlin",
                    meter_start=METER,
                    meter_stop=one.meter_stop,
                    readings=[
                        {"at": reading.at, "energy_wh": float(reading.energy_wh)}
                        for reading in session.readings
                    ],
                )
            )
        assert _totals(simulated) == _totals(final)
        assert simulated.lines == final.lines

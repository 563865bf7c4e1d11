"""What holds for each generated case, and that the generator makes what it is meant to make."""

import json
from collections import Counter
from copy import deepcopy
from fractions import Fraction
from random import Random

import pytest

from tests.models.billing_oracle.generated_tariffs import MAKERS
from tests.models.billing_oracle.generator import Case, case, reservation_case
from tests.models.billing_oracle.pricing import reservation_cost, session_cost
from tests.models.billing_oracle.told import element, price, tariff
from tests.models.billing_oracle.totals import DECIMALS

SEEDS = range(400)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case(seed) for seed in SEEDS]


def test_a_seed_makes_the_same_case_each_time(cases: list[Case]) -> None:
    assert [case(seed) for seed in SEEDS] == cases


def test_cases_survive_json(cases: list[Case]) -> None:
    for made in cases:
        assert json.loads(json.dumps([made.tariff, made.session])) == [made.tariff, made.session]


def test_the_cases_have_every_trait() -> None:
    traits = Counter(trait for seed in range(2000) for trait in case(seed).traits)
    assert set(traits) == {
        *MAKERS,
        "ENERGY in steps",
        "TIME in steps",
        "PARKING_TIME in steps",
        "restricted FLAT",
        "minimum",
        "maximum",
        "price limit without VAT",
        "no time",
        "energy in no time",
        "long",
        "near a clock change",
        "no readings",
        "gap",
        "wrong readings",
        "stop before start",
        "no stop of the register",
        "current measured",
        "reserved before",
    }


def test_lines_add_up_to_totals_in_whole_minor_units(cases: list[Case]) -> None:
    for made in cases:
        cost = session_cost(made.tariff, made.session)
        lines = cost["lines"].values()
        assert sum(line["excl_vat"] for line in lines) == cost["total_excl_vat"], made.seed
        assert sum(line["incl_vat"] for line in lines) == cost["total_incl_vat"], made.seed
        minor_units = 10 ** DECIMALS[cost["currency"]]
        assert (cost["total_excl_vat"] * minor_units).denominator == 1, made.seed
        assert (cost["total_incl_vat"] * minor_units).denominator == 1, made.seed


def test_totals_keep_the_limits_of_the_tariff(cases: list[Case]) -> None:
    for made in cases:
        cost = session_cost(made.tariff, made.session)
        assert cost["total_incl_vat"] >= cost["total_excl_vat"], made.seed
        for kind in ("excl_vat", "incl_vat"):
            total = cost[f"total_{kind}"]  # type: ignore[literal-required]
            least = made.tariff.get("min_price", {}).get(kind)
            most = made.tariff.get("max_price", {}).get(kind)
            assert least is None or total >= Fraction(str(least)), made.seed
            assert most is None or total <= Fraction(str(most)), made.seed


def test_each_wh_and_each_second_is_priced_once_where_all_of_them_have_a_price(
    cases: list[Case],
) -> None:
    fallback = element(*(price(kind, 1) for kind in ("ENERGY", "TIME", "PARKING_TIME")))
    for made in cases:
        if made.traits & {"no stop of the register", "reserved before"}:
            continue
        priced = deepcopy(made.tariff)
        priced["elements"].append(fallback)
        for component in [c for e in priced["elements"] for c in e["price_components"]]:
            component["step_size"] = 1
        lines = session_cost(priced, made.session)["lines"]
        taken = Fraction(str(made.session["meter_stop"])) - Fraction(
            str(made.session["meter_start"])
        )
        billed = lines["ENERGY"]["quantity"] * 1000 if "ENERGY" in lines else 0
        assert 0 <= billed - taken < 1, made.seed
        plain = session_cost(tariff(fallback), made.session)["lines"]
        for kind in ("TIME", "PARKING_TIME"):
            assert (kind in lines) == (kind in plain), made.seed
            if kind in lines:
                assert lines[kind]["quantity"] == plain[kind]["quantity"], made.seed


def test_order_and_repetition_of_facts_change_nothing(cases: list[Case]) -> None:
    random = Random(1)
    for made in cases:
        told = deepcopy(made.session)
        for facts in (told["readings"], told["status"]):
            facts.extend(random.choices(facts, k=2) if facts else [])
            random.shuffle(facts)
        assert session_cost(made.tariff, told) == session_cost(made.tariff, made.session)


def test_reservations_are_priced_by_time_and_fee_alone() -> None:
    kinds: Counter[str] = Counter()
    for seed in SEEDS:
        kinds.update(list(reservation_cost(*reservation_case(seed))["lines"]))
    assert set(kinds) == {"TIME", "FLAT", "ADJUSTMENT"}

"""What is shown of a cost is exact where it counts."""

from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from billing_cases import BERLIN, charged, element, local, price, tariff
from generated_cases import TARIFFS, UNHURRIED, ZONES, sessions
from hypothesis import given

from billing_service.bills.domain.bill import negated
from billing_service.costs.domain.facts import SessionFacts
from billing_service.costs.domain.session_cost import session_cost
from billing_service.costs.domain.shown import decimal_text, shown
from billing_service.tariffs.domain.tariff import Tariff
from csms_shared.contracts.billing import BillStatus, CostView


@UNHURRIED
@given(sessions(), TARIFFS, ZONES)
def test_lines_that_are_shown_add_up_to_the_totals_that_are_shown(
    facts: SessionFacts, by: Tariff, zone: ZoneInfo
) -> None:
    cost = shown(session_cost(facts, by, zone))
    for total, amount in (
        ("total_excl_vat", "amount_excl_vat"),
        ("total_incl_vat", "amount_incl_vat"),
    ):
        amounts = [Decimal(line[amount]) for line in cost["lines"]]
        assert sum(amounts, Decimal(0)) == Decimal(cost[total])


@UNHURRIED
@given(sessions(), TARIFFS, ZONES)
def test_a_line_is_shown_as_it_is_to_a_millionth(
    facts: SessionFacts, by: Tariff, zone: ZoneInfo
) -> None:
    exact = session_cost(facts, by, zone)
    for line, told in zip(exact.lines, shown(exact)["lines"], strict=True):
        assert abs(Fraction(told["amount_excl_vat"]) - line.amount_excl_vat) <= Fraction(1, 10**6)


@UNHURRIED
@given(sessions(), TARIFFS, ZONES)
def test_a_credit_takes_back_what_the_bill_says(
    facts: SessionFacts, by: Tariff, zone: ZoneInfo
) -> None:
    cost = shown(session_cost(facts, by, zone))
    credit = negated(cost)
    assert Decimal(credit["total_incl_vat"]) == -Decimal(cost["total_incl_vat"])
    assert credit["energy_kwh"] == cost["energy_kwh"]
    assert negated(credit) == cost | {"review": []}
    amounts = [Decimal(line["amount_incl_vat"]) for line in credit["lines"]]
    assert sum(amounts, Decimal(0)) == Decimal(credit["total_incl_vat"])


def test_a_cost_is_shown_in_the_words_of_the_contract() -> None:
    cost = shown(
        session_cost(
            charged(local("2026-11-20 12:00"), 20, 1),
            tariff(element(price("TIME", 1, 19))),
            BERLIN,
        )
    )
    view = CostView(final=True, status=BillStatus.FINAL, **cost)
    line, rounding = view.lines
    assert (line.quantity, line.unit, line.unit_price) == ("0.333333", "h", "1")
    assert (line.amount_excl_vat, rounding.amount_excl_vat) == ("0.333333", "-0.003333")
    assert (rounding.type, rounding.reason) == ("ADJUSTMENT", "rounding")
    assert view.total_excl_vat == "0.33"


def test_decimals_are_as_many_as_are_needed_and_no_fewer_than_asked_for() -> None:
    shown_as = [
        decimal_text(Decimal(number), least)
        for number, least in (("1.500", 2), ("1.123400", 2), ("0", 2), ("100", 0), ("-0.50", 0))
    ]
    assert shown_as == ["1.50", "1.1234", "0.00", "100", "-0.5"]

"""Tariffs are read strictly, and what is wrong with one is said by the name of its field."""

import json
from decimal import Decimal
from typing import Any

import pytest
from billing_cases import element, price, tariff

from billing_service.tariffs.domain.reading import InvalidTariff, read_tariff
from billing_service.tariffs.domain.tariff import Dimension, TariffRestrictions

FULL: dict[str, Any] = {
    "currency": "EUR",
    "type": "REGULAR",
    "tariff_alt_text": [{"language": "en", "text": "Cheap at night"}],
    "tariff_alt_url": "https://example.com/tariffs/13",
    "min_price": {"excl_vat": 0.5, "incl_vat": 0.55},
    "max_price": {"excl_vat": 10, "incl_vat": 11},
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 0.2999, "vat": 5.2, "step_size": 1}],
            "restrictions": {
                "start_time": "22:00",
                "end_time": "06:00",
                "start_date": "2026-01-01",
                "end_date": "2027-01-01",
                "min_kwh": 1.5,
                "max_kwh": 50,
                "min_current": 6,
                "max_current": 96,
                "min_power": 1.4,
                "max_power": 350,
                "min_duration": 60,
                "max_duration": 86400,
                "day_of_week": ["MONDAY", "SUNDAY"],
            },
        },
        {
            "price_components": [{"type": "TIME", "price": 5, "step_size": 60}],
            "restrictions": {"reservation": "RESERVATION"},
        },
        {"price_components": [{"type": "FLAT", "price": 0, "step_size": 0}]},
    ],
    "start_date_time": "2026-01-01T00:00:00Z",
    "end_date_time": "2027-06-30T23:59:59Z",
    "energy_mix": {
        "is_green_energy": True,
        "energy_sources": [{"source": "WIND", "percentage": 100}],
        "environ_impact": [{"category": "CARBON_DIOXIDE", "amount": 0}],
        "supplier_name": "Harbour Energy",
        "energy_product_name": "All wind",
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the full tariff with one field changed; the path has dots and indexes."""
    document: dict[str, Any] = json.loads(json.dumps(FULL))
    *parents, last = path.replace("[", ".").replace("]", "").split(".")
    at: Any = document
    for name in parents:
        at = at[int(name)] if name.isdigit() else at[name]
    at[int(last) if last.isdigit() else last] = value
    return document


def problems(document: Any) -> list[str]:
    with pytest.raises(InvalidTariff) as caught:
        read_tariff(document)
    return [str(problem) for problem in caught.value.problems]


def test_a_tariff_is_the_same_after_it_was_written() -> None:
    read = read_tariff(FULL)
    written = read.model_dump_json(exclude_none=True)
    assert read_tariff(json.loads(written)) == read
    assert json.loads(written)["elements"][0]["price_components"][0]["price"] == 0.2999


def test_numbers_are_what_was_written() -> None:
    component = read_tariff(FULL).elements[0].price_components[0]
    assert (component.price, component.vat) == (Decimal("0.2999"), Decimal("5.2"))
    assert str(component.price) == "0.2999"


NO_RESTRICTIONS: list[dict[str, Any]] = [{}, {"restrictions": {}}, {"restrictions": None}]


def test_no_restrictions_in_any_way_of_writing_are_the_same() -> None:
    component = price("FLAT", 1)
    ways: list[dict[str, Any]] = [
        {"price_components": [component], **more} for more in NO_RESTRICTIONS
    ]
    read = {one.model_dump_json() for one in (tariff(way) for way in ways)}
    assert len(read) == 1
    assert tariff(*ways).elements[0].restrictions == TariffRestrictions()


LIMITS, PRICE = "elements[0].restrictions", "elements[0].price_components[0]"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("currency", "EUX", "must be a currency of ISO 4217, such as EUR"),
        ("currency", "eur", "must be a currency of ISO 4217, such as EUR"),
        ("currency", "XAU", "must be a currency of ISO 4217, such as EUR"),
        ("elements", [], "must not be empty"),
        ("elements[0].price_components", [], "must not be empty"),
        (f"{PRICE}.price", -0.01, "must be from 0 to 1000000000"),
        (f"{PRICE}.price", 1_000_000_000.01, "must be from 0 to 1000000000"),
        (f"{PRICE}.price", 1e300, "must be from 0 to 1000000000"),
        (f"{PRICE}.price", float("inf"), "must be a number"),
        (f"{PRICE}.price", float("nan"), "must be a number"),
        (f"{PRICE}.price", 5e-324, "must have at most 4 decimals"),
        (f"{PRICE}.price", 0.00001, "must have at most 4 decimals"),
        (f"{PRICE}.price", "0.25", "must be a number"),
        (f"{PRICE}.price", True, "must be a number"),
        (f"{PRICE}.price", None, "must be a number"),
        (f"{PRICE}.vat", 100.1, "must be from 0 to 100"),
        (f"{PRICE}.step_size", 1.5, "must be a whole number"),
        (f"{PRICE}.step_size", True, "must be a whole number"),
        (f"{PRICE}.step_size", -1, "Input should be greater than or equal to 0"),
        (f"{PRICE}.step_size", 10**9 + 1, "Input should be less than or equal to 1000000000"),
        (
            f"{LIMITS}.start_time",
            "24:00",
            "must be a time of day from 00:00 to 23:59, such as 13:30",
        ),
        (f"{LIMITS}.end_time", "6:00", "must be a time of day from 00:00 to 23:59, such as 13:30"),
        (
            f"{LIMITS}.start_date",
            "2026-02-29",
            "must be a day from 1970 to 2099, such as 2026-11-21",
        ),
        (
            f"{LIMITS}.end_date",
            "2026-01-01",
            "must be more than start_date: nothing would ever match",
        ),
        (f"{LIMITS}.max_kwh", 1.5, "must be more than min_kwh: nothing would ever match"),
        (f"{LIMITS}.max_current", 5, "must be more than min_current: nothing would ever match"),
        (f"{LIMITS}.max_power", 1.4, "must be more than min_power: nothing would ever match"),
        (f"{LIMITS}.max_duration", 60, "must be more than min_duration: nothing would ever match"),
        (f"{LIMITS}.max_kw", 5, "is no field of OCPI 2.2.1 here"),
        (LIMITS, {"max_kwh": 0}, None),
        (
            LIMITS,
            {"reservation": "RESERVATION"},
            "a reservation has prices of FLAT and TIME only, not of ENERGY",
        ),
        ("min_price.incl_vat", 0.49, "must not be less than excl_vat"),
        ("min_price", {"excl_vat": 0.501}, "excl_vat must have at most 2 decimals in EUR"),
        (
            "max_price",
            {"excl_vat": 10, "incl_vat": 11.005},
            "incl_vat must have at most 2 decimals in EUR",
        ),
        ("max_price", {"excl_vat": 0.49}, "excl_vat must not be less than that of min_price"),
        (
            "max_price",
            {"excl_vat": 0.5, "incl_vat": 0.54},
            "incl_vat must not be less than that of min_price",
        ),
        ("end_date_time", "2025-12-31T00:00:00Z", "must be after start_date_time"),
        (
            "tariff_alt_url",
            "javascript:alert(1)",
            "must be an address such as https://example.com/tariffs",
        ),
        ("country_code", "DE", "is no field of OCPI 2.2.1 here"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(field: str, value: Any, message: str | None) -> None:
    found = problems(changed(field, value))
    assert len(found) == 1
    assert found[0].startswith(field)
    assert message is None or found == [f"{field}: {message}"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    document = changed("elements[0].price_components[0].price", -1)
    document["currency"] = "XXX"
    assert [one.split(":")[0] for one in problems(document)] == [
        "currency",
        "elements[0].price_components[0].price",
    ]


@pytest.mark.parametrize("document", [None, [], "tariff", 1])
def test_what_is_no_object_is_no_tariff(document: Any) -> None:
    assert problems(document)


def test_a_component_that_would_never_be_used_is_refused() -> None:
    twice = {"currency": "EUR", "elements": [element(price("TIME", 1), price("TIME", 2))]}
    assert problems(twice) == [
        "elements[0].price_components: must have one TIME at most: a second would never be used"
    ]


def test_a_tariff_has_at_most_100_elements() -> None:
    assert len(tariff(*[element(price("FLAT", 1))] * 100).elements) == 100
    many = {"currency": "EUR", "elements": [element(price("FLAT", 1))] * 101}
    assert problems(many) == ["elements: must be 100 at most"]


@pytest.mark.parametrize("amount", [0, 0.0001, 1_000_000_000, 999_999_999.9999])
def test_the_least_and_the_greatest_price_are_read_exactly(amount: float) -> None:
    component = tariff(element(price("ENERGY", amount))).elements[0].price_components[0]
    assert component.type is Dimension.ENERGY
    assert component.price == Decimal(repr(amount))


@pytest.mark.parametrize(("code", "digits"), [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4)])
def test_a_currency_has_its_minor_unit(code: str, digits: int) -> None:
    assert tariff(element(price("FLAT", 1)), currency=code).minor_digits == digits


def test_yen_have_no_decimals() -> None:
    document = {**changed("currency", "JPY"), "max_price": None}
    assert problems(document) == ["min_price: excl_vat must have at most 0 decimals in JPY"]

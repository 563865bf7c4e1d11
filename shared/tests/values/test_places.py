"""Time zones, countries, degrees and days, as clients give them."""

import zoneinfo
from datetime import date
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from csms_shared.values.days import Day
from csms_shared.values.numbers import Number
from csms_shared.values.places import Country, Latitude, Longitude, TimeZone, countries, time_zones


class Place(BaseModel):
    zone: TimeZone | None = None
    country: Country | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    day: Day | None = None
    power: Annotated[float, Number(1, 5)] | None = None


def _refused(**values: object) -> bool:
    try:
        Place.model_validate(values)
    except ValidationError:
        return True
    return False


def test_every_zone_has_rules_on_a_machine_that_has_none_itself() -> None:
    found = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    try:
        assert {zoneinfo.ZoneInfo.no_cache(name).key for name in time_zones()} == time_zones()
    finally:
        zoneinfo.reset_tzpath(to=found)


def test_zones_and_countries_are_those_of_the_world() -> None:
    assert {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"} < time_zones()
    assert {"DE", "US", "AQ"} < countries()
    assert len(countries()) == 249


@pytest.mark.parametrize("name", ["", "Factory", "localtime", "europe/berlin", "../UTC", "+01:00"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    assert _refused(zone=name)


@pytest.mark.parametrize("code", ["", "D", "de", "DEU", "XX", "EU", "code"])
def test_what_is_no_country_is_refused(code: str) -> None:
    assert _refused(country=code)


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), 1e308, True, "1", "", [], 180.000001]
)
def test_what_is_no_degree_is_refused(number: object) -> None:
    assert _refused(latitude=number)
    assert _refused(longitude=number)
    assert _refused(power=number)


def test_degrees_and_numbers_reach_their_bounds() -> None:
    ends = Place(latitude=-90, longitude=180, power=5)
    assert (ends.latitude, ends.longitude, ends.power) == (-90, 180, 5)
    assert _refused(power=0.999)


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2099, 12, 31)))
def test_every_day_of_the_calendar_is_one(day: date) -> None:
    read = Place.model_validate({"day": day.isoformat()})
    assert read.day == day
    assert read.model_dump(mode="json")["day"] == day.isoformat()


@given(
    st.one_of(
        st.dates(max_value=date(1969, 12, 31)).map(date.isoformat),
        st.dates(min_value=date(2100, 1, 1)).map(date.isoformat),
        st.from_regex(r"\A(19[7-9]\d|20\d\d)-(02-(29|30|31)|(04|06|09|11)-31|13-01|00-10)\Z"),
        st.integers(),
        st.text(),
    )
)
def test_what_is_no_day_is_refused(given_: object) -> None:
    if isinstance(given_, str):
        try:
            there_is = 1970 <= date.fromisoformat(given_).year < 2100 and len(given_) == 10
        except ValueError:
            there_is = False
        if there_is and given_ == date.fromisoformat(given_).isoformat():
            return
    assert _refused(day=given_)

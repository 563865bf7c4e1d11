"""Names of places: time zones of IANA, countries of ISO 3166-1 alpha-2, degrees.

Zones and countries are those of the package `tzdata`, which is the same on every machine and holds
the rules of the zones where the system has none (`zoneinfo`).
"""

from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType

from csms_shared.values.numbers import Number

# It stands for "no zone was chosen" (tz database, `factory`).
_NO_ZONE = {"Factory"}


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(files("tzdata").joinpath("zones").read_text().split()) - _NO_ZONE


@cache
def countries() -> frozenset[str]:
    """Return the codes of all countries."""
    lines = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8").splitlines()
    return frozenset(line.partition("\t")[0] for line in lines if not line.startswith("#"))


def _time_zone(name: str) -> str:
    if name not in time_zones():
        raise ValueError("must be a time zone of IANA, such as Europe/Berlin")
    return name


def _country(code: str) -> str:
    if code not in countries():
        raise ValueError("must be a country code of ISO 3166-1 alpha-2, such as DE")
    return code


class _Zones:
    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "enum": sorted(time_zones())}


class _Countries:
    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "enum": sorted(countries())}


# Named, so that documents hold their lists once.
TimeZone = TypeAliasType("TimeZone", Annotated[str, AfterValidator(_time_zone), _Zones()])
Country = TypeAliasType("Country", Annotated[str, AfterValidator(_country), _Countries()])
# In degrees, north and east positive (WGS 84).
Latitude = Annotated[float, Number(-90, 90)]
Longitude = Annotated[float, Number(-180, 180)]

"""Sites: the places where stations stand, and requests on them that station-registry answers."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant, WithinScope
from csms_shared.values.flags import Flag
from csms_shared.values.numbers import Whole
from csms_shared.values.place_names import NOT_BLANK, SiteId, Tag
from csms_shared.values.places import Country, Latitude, Longitude, TimeZone

TAGS_MAX = 50
Name = Annotated[str, Field(max_length=255, pattern=NOT_BLANK)]
Line = Annotated[str, Field(min_length=1, max_length=255, pattern="^[^\x00]*$")]
Notes = Annotated[str, Field(max_length=4_000, pattern="^[^\x00]*$")]


def _each_once(tags: list[str]) -> list[str]:
    return sorted(set(tags))


Tags = Annotated[list[Tag], Field(max_length=TAGS_MAX), AfterValidator(_each_once)]
_Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class RegularHours(Contract):
    """When a place is open on one day of every week, by its own clock (OCPI: RegularHours)."""

    model_config = ConfigDict(extra="forbid")

    weekday: Annotated[int, Whole(1, 7)] = Field(description="1 is Monday")
    period_begin: _Clock = Field(description="from, HH:MM")
    period_end: _Clock = Field(description="until, HH:MM")


# As `_always_or_sometimes` says it.
_HOURS_RULE: dict[str, Any] = {
    "oneOf": [
        {
            "properties": {
                "twentyfourseven": {"const": True},
                "regular_hours": {"maxItems": 0},
            },
            "required": ["twentyfourseven"],
        },
        {
            "properties": {
                "twentyfourseven": {"const": False},
                "regular_hours": {"minItems": 1},
            },
            "required": ["regular_hours"],
        },
    ]
}


class OpeningHours(Contract):
    """When a place is open: always, or in these hours (OCPI: Hours)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_HOURS_RULE)

    twentyfourseven: Flag = Field(False, description="whether it is always open")
    regular_hours: list[RegularHours] = Field(
        default_factory=list, max_length=50, description="when it is open, where not always"
    )

    @model_validator(mode="after")
    def _always_or_sometimes(self) -> "OpeningHours":
        if self.twentyfourseven == bool(self.regular_hours):
            raise ValueError("either twentyfourseven is true, or regular_hours are given")
        return self


class SiteDetails(Contract):
    """What is known of a site beside its name; coordinates in degrees (WGS 84), both or none."""

    address: Line | None = None
    city: Line | None = None
    postal_code: Annotated[str, Field(min_length=1, max_length=20, pattern="^[^\x00]*$")] | None = (
        None
    )
    country: Country | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    time_zone: TimeZone | None = None
    opening_hours: OpeningHours | None = None
    notes: Notes | None = None


class CreateSite(SiteDetails, OfTenant):
    """A new site."""

    site_id: SiteId
    name: Name
    tags: Tags = Field(default_factory=list)


class ChangeSite(SiteDetails, OfTenant):
    """Changes to a site; only the fields named in `set` are taken over."""

    site_id: str
    set: frozenset[str]
    name: Name | None = None
    tags: Tags | None = None


class SiteTold(Contract):
    """A site as events tell it: without its times."""

    site_id: str = Field(description="the site")
    name: str = Field(description="its name")
    address: str | None = Field(description="street and number")
    city: str | None = Field(description="the city")
    postal_code: str | None = Field(description="the postal code")
    country: str | None = Field(description="ISO 3166-1, two letters")
    latitude: float | None = Field(description="degrees (WGS 84)")
    longitude: float | None = Field(description="degrees (WGS 84)")
    time_zone: str | None = Field(description="name of the IANA time zone")
    opening_hours: OpeningHours | None = Field(description="when it is open, by its own clock")
    notes: str | None = Field(description="what operators note of it")
    tags: list[str] = Field(description="its tags, sorted")


class SiteView(SiteTold):
    """A site. Times are RFC 3339."""

    created_at: str
    updated_at: str


class SiteName(OfTenant):
    """Names one site."""

    site_id: str


class GetSite(SiteName, WithinScope):
    """Names the site that is asked for."""


class ListSites(PageQuery, WithinScope):
    """Filter of the list of sites; `q` looks into id, name, address, city and postal code."""

    q: str | None = None
    tag: str | None = None


# operation -> parameters; results: Page[SiteView], SiteView (create, get, change), null.
SITE_OPERATIONS: dict[str, type[BaseModel]] = {
    "sites.list": ListSites,
    "sites.create": CreateSite,
    "sites.get": GetSite,
    "sites.change": ChangeSite,
    "sites.delete": SiteName,
}

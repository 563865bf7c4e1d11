"""What a site is, and what a change makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from csms_shared.contracts.requests import FieldProblem, Problem
from csms_shared.contracts.sites import ChangeSite, CreateSite, OpeningHours


@dataclass(frozen=True, slots=True)
class Site:
    """A place where stations stand; coordinates in degrees, both or none."""

    site_id: str
    name: str
    address: str | None
    city: str | None
    postal_code: str | None
    country: str | None
    latitude: float | None
    longitude: float | None
    time_zone: str | None
    opening_hours: OpeningHours | None
    notes: str | None
    tags: tuple[str, ...]


SITE_FIELDS = tuple(field.name for field in fields(Site))
_SETTABLE = frozenset(SITE_FIELDS) - {"site_id"}
_NEEDED = ("name", "tags")


def new_site(wanted: CreateSite) -> Site | Problem:
    """Return the site that is asked for."""
    return _checked(Site(**_values(wanted, SITE_FIELDS)))


def changed_site(before: Site, wanted: ChangeSite) -> Site | Problem:
    """Take over the fields named in `set`."""
    wrong = [(name, "can't be changed") for name in sorted(wanted.set - _SETTABLE)]
    wrong += [
        (name, "is not null")
        for name in _NEEDED
        if name in wanted.set and getattr(wanted, name) is None
    ]
    if wrong:
        return _problem(*wrong)
    return _checked(replace(before, **_values(wanted, wanted.set)))


def _values(wanted: CreateSite | ChangeSite, names: Any) -> Mapping[str, Any]:
    values = {name: getattr(wanted, name) for name in names}
    return values | {"tags": tuple(values["tags"])} if "tags" in values else values


def _checked(site: Site) -> Site | Problem:
    if (site.latitude is None) == (site.longitude is None):
        return site
    missing = "latitude" if site.latitude is None else "longitude"
    return _problem((missing, "is needed beside the other coordinate"))


def _problem(*wrong: tuple[str, str]) -> Problem:
    return Problem(
        status=422,
        code="invalid_request",
        detail="the site is not valid",
        errors=tuple(FieldProblem(field=name, message=message) for name, message in wrong),
    )

"""What an operator says of a station: where it stands, what it is called, what it can do."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from csms_shared.contracts.stations import ChangeStation, CreateStation


@dataclass(frozen=True, slots=True)
class Description:
    """The description of a station: nothing that it is told, or that it says itself."""

    site_id: str | None = None
    display_name: str | None = None
    tags: tuple[str, ...] = ()
    installed_on: date | None = None
    commissioned_on: date | None = None
    phase_count: int | None = None
    max_current_a: float | None = None


DESCRIPTION_FIELDS = tuple(field.name for field in fields(Description))


def new_description(wanted: CreateStation) -> Description:
    """Return how a new station is described."""
    return Description(**_values(wanted, DESCRIPTION_FIELDS))


def changed_description(before: Description, wanted: ChangeStation) -> Description:
    """Take over the fields named in `set`."""
    return replace(before, **_values(wanted, wanted.set & set(DESCRIPTION_FIELDS)))


def _values(wanted: CreateStation | ChangeStation, names: Collection[str]) -> dict[str, Any]:
    values = {name: getattr(wanted, name) for name in names}
    if "tags" in values:
        values["tags"] = tuple(values["tags"] or ())
    return values

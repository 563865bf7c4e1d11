"""What a user or an API key is limited to, within its tenant."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.values.place_names import SiteId, Tag

SCOPE_MAX = 50


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


class Scope(Contract):
    """The stations at one of these sites, and those that have one of these tags; no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    site_ids: Annotated[tuple[SiteId, ...], AfterValidator(_each_once)] = Field(
        (), max_length=SCOPE_MAX
    )
    tags: Annotated[tuple[Tag, ...], AfterValidator(_each_once)] = Field((), max_length=SCOPE_MAX)

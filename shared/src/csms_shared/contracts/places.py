"""Where a station stands: what station-registry tells the other services of it."""

from pydantic import Field

from csms_shared.contracts.envelope import Contract


class StationPlace(Contract):
    """`data` of the event `station.placed`: a station's site and tags as they are now.

    A station that is deleted has neither. `version` rises with each change of a station's place,
    so that the higher counts in whatever order they come.
    """

    station_id: str = Field(description="the station")
    site_id: str | None = Field(None, description="the site that it stands at")
    tags: list[str] = Field(default_factory=list, description="its tags")
    version: int = Field(description="rises with each change of the station's place")

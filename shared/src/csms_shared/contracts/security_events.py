"""Security events, as REST lists them. Times are RFC 3339 UTC with `Z`."""

from typing import Literal

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant
from csms_shared.values.times import Moment


class SecurityEventView(Contract):
    """Something that bears on security, reported by a station or noticed by the suite.

    `station_time` is the station's text, `occurred_at` what could be read of it.
    """

    security_event_id: str
    station_id: str
    source: Literal["station", "suite"]
    type: str
    critical: bool
    detail: str | None
    station_time: str | None
    occurred_at: str | None
    received_at: str


class ListSecurityEvents(PageQuery, OfTenant):
    """Filter of the list; from (included) and to (not included) are times of receipt."""

    station_id: str | None = Field(None, max_length=255)
    type: str | None = Field(None, max_length=50)
    critical: bool | None = None
    source: Literal["station", "suite"] | None = None
    from_time: Moment | None = None
    to_time: Moment | None = None


# operation -> parameters; result: Page[SecurityEventView].
SECURITY_EVENT_OPERATIONS: dict[str, type[BaseModel]] = {
    "security_events.list": ListSecurityEvents,
}

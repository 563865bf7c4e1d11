"""The history of a station, as REST lists it. Times are RFC 3339 UTC with `Z`."""

from typing import Literal

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant
from csms_shared.values.times import Moment


class HistoryView(Contract):
    """A change of a station's presence, or of a connector's status (docs/history.md).

    `status` is online or offline, with its `reason`, or the connector's status as OCPP spells it;
    connector 0 is the station itself. `received_at` is when the suite heard of it, `station_time`
    the time that the station told, in its own words, `occurred_at` what could be read of it.
    `flags` says where its clock is wrong, in the words of transactions' flags.
    """

    kind: Literal["presence", "connector_status"]
    received_at: str
    status: str
    reason: str | None = None
    evse_id: int | None = None
    connector_id: int | None = None
    error_code: str | None = None
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
    station_time: str | None = None
    occurred_at: str | None = None
    flags: list[str] = Field(default_factory=list)
    gateway_id: str | None = None
    connection_id: str
    epoch: int


class ListHistory(PageQuery, OfTenant):
    """Whose history; from (included) and to (not included) are times of receipt."""

    station_id: str
    from_time: Moment | None = None
    to_time: Moment | None = None


# operation -> parameters; result: Page[HistoryView].
HISTORY_OPERATIONS: dict[str, type[BaseModel]] = {
    "history.list": ListHistory,
}

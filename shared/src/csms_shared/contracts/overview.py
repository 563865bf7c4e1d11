"""What an operator sees first: a tenant's stations and sessions in numbers, and what needs them.

Each service answers with counts and a few examples of its own. Times are RFC 3339.
"""

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.requests import WithinScope
from csms_shared.values.times import Moment

EXAMPLES_MAX = 5
COUNTED_MAX = 10_000


class AttentionExample(Contract):
    """One of what needs attention: its id where it is listed, when it happened, and what it is."""

    id: str
    at: str
    text: str


class Attention(Contract):
    """What needs attention, of one kind.

    `since`: when the oldest of those that were counted happened. `count_is_bound`: there may be
    more than `count`. `examples` are the newest.
    """

    count: int
    count_is_bound: bool = False
    since: str
    examples: list[AttentionExample] = Field(max_length=EXAMPLES_MAX)


class StationCounts(Contract):
    """Stations that are not deleted.

    `online` is known, `unconfirmed` is not: their gateway may be gone; all others are `offline`.
    `faulted` have a connector that reported Faulted last. `pending` and `rejected` by registration.
    """

    total: int = 0
    online: int = 0
    offline: int = 0
    unconfirmed: int = 0
    faulted: int = 0
    pending: int = 0
    rejected: int = 0


class ConnectorCounts(Contract):
    """Connectors by the status that their station reported last, online or not."""

    available: int = 0
    preparing: int = 0
    charging: int = 0
    suspended: int = 0
    finishing: int = 0
    reserved: int = 0
    unavailable: int = 0
    faulted: int = 0


class AskStationsOverview(WithinScope):
    """Asks station-registry; within a scope it tells of stations and connectors alone."""


class StationsOverview(Contract):
    """What station-registry tells; `attention` by kind, only what there is."""

    stations: StationCounts
    connectors: ConnectorCounts
    attention: dict[str, Attention]


class AskSessionsOverview(WithinScope):
    """Asks session-service.

    `today_from`: when the day began; `hours_from`: the first of the hours, a full one.
    """

    today_from: Moment
    hours_from: Moment


class SessionCounts(Contract):
    """Charging sessions; the energy of one that goes on is what it has charged so far.

    `power_w` and `energy_active_wh` are of the sessions that go on, `energy_today_wh` of those and
    of the ones that ended today.
    """

    active: int
    power_w: float
    energy_active_wh: int
    energy_today_wh: int
    started_today: int


class HourOfSessions(Contract):
    """The sessions that ended in an hour, and the energy that each charged in all."""

    hour: str
    energy_wh: int
    sessions: int


class SessionsOverview(Contract):
    """What session-service tells; `energy_by_hour` in order, hours without a session left out."""

    sessions: SessionCounts
    energy_by_hour: list[HourOfSessions]
    attention: dict[str, Attention]


class AskBillsOverview(WithinScope):
    """Asks billing-service."""


class BillCounts(Contract):
    """Bills that are kept back for review, without credits; at most 10,000 are counted.

    `held_is_bound`: there may be more than `held`.
    """

    held: int
    held_is_bound: bool = False


class BillsOverview(Contract):
    """What billing-service tells."""

    bills: BillCounts


OVERVIEW_OF_STATIONS = "overview.stations"
OVERVIEW_OF_SESSIONS = "overview.sessions"
OVERVIEW_OF_BILLS = "overview.bills"

# operation -> parameters; results: StationsOverview, SessionsOverview and BillsOverview.
STATIONS_OVERVIEW_OPERATIONS: dict[str, type[BaseModel]] = {
    OVERVIEW_OF_STATIONS: AskStationsOverview
}
SESSIONS_OVERVIEW_OPERATIONS: dict[str, type[BaseModel]] = {
    OVERVIEW_OF_SESSIONS: AskSessionsOverview
}
BILLS_OVERVIEW_OPERATIONS: dict[str, type[BaseModel]] = {OVERVIEW_OF_BILLS: AskBillsOverview}

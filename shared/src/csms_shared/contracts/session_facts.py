"""What is known of sessions, of reservations and of where they were, for those who charge for them.

session-service answers `sessions.facts` and `reservations.facts`, station-registry
`stations.places`; all only to another service of the suite, never to REST. Times are RFC 3339 UTC
with `Z` and microseconds.
"""

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.requests import OfTenant
from csms_shared.values.times import Moment

SESSIONS_MAX = 50
# Of all sessions of an answer. One that has more by itself is told with fewer values.
ROWS_MAX = 20_000
# Of the texts of their values, in bytes: with all that JSON makes of them, the answer is one that
# brokers take (16 MiB). One that has more by itself is told without some of its longest.
TEXTS_MAX = 2 * 1024 * 1024
STATUSES_MAX = 5_000


class EnergyReading(Contract):
    """What the energy register showed, in Wh, as an exact decimal."""

    at: str
    energy_wh: str


class CurrentReading(Contract):
    """The sum of the currents of all phases, in A, as an exact decimal."""

    at: str
    amperes: str


class SignedValue(Contract):
    """A value that the meter signed, as it was sent, byte for byte (SampledValue, SignedData)."""

    at: str
    context: str | None
    value: str


class ReservationUsed(Contract):
    """The reservation that a session used."""

    reserved_at: str


class SessionFactsView(Contract):
    """A session by its own times. `revision` is that of its end, 0 while it is open.

    `site_id` and `tags` are those that the station had when it began.

    Of values at one time those that count are here, not evidence. Of a session with too many of
    them, the last of each stretch of time is, with stretches of one length from its start on. Of
    signed values that are too long together, those of its begin and its end are, then the first.

    Without `values_complete` values of its time may have been deleted, as they were old.
    """

    transaction_id: int
    revision: int
    station_id: str
    site_id: str | None
    connector_id: int
    id_token: str
    group_id: str | None
    started_at: str
    stopped_at: str | None
    meter_start: int
    meter_stop: int | None
    stop_reason: str | None
    flags: list[str]
    tags: list[str] = Field(default_factory=list)
    readings: list[EnergyReading] = Field(default_factory=list)
    currents: list[CurrentReading] = Field(default_factory=list)
    signed: list[SignedValue] = Field(default_factory=list)
    reservation: ReservationUsed | None = None
    values_complete: bool = True


class SessionFacts(OfTenant):
    """Names sessions; what does not exist is not in the answer."""

    transaction_ids: list[int] = Field(min_length=1, max_length=SESSIONS_MAX)


class SessionFactsList(Contract):
    """The sessions that fit one answer; `later` are to be asked for again."""

    items: list[SessionFactsView]
    later: list[int] = Field(default_factory=list)


class ReservationFactsView(Contract):
    """A reservation by the suite's own times; `connector_id` 0 is any connector.

    `was_held`: the station has accepted it, at `started_at`; else that is when it was wanted.
    `stopped_at` is null while it is open. `site_id` and `tags` are those that the station had when
    it was made. `status` and `reason`: docs/reservations.md.
    """

    reservation_id: int
    station_id: str
    site_id: str | None
    connector_id: int
    id_token: str
    group_id: str | None
    started_at: str
    stopped_at: str | None
    tags: list[str] = Field(default_factory=list)
    was_held: bool
    status: str
    reason: str | None


class ReservationFacts(OfTenant):
    """Names reservations; what does not exist is not in the answer."""

    reservation_ids: list[int] = Field(min_length=1, max_length=SESSIONS_MAX)


class ReservationFactsList(Contract):
    """The reservations that exist."""

    items: list[ReservationFactsView]


class ConnectorTimes(Contract):
    """Which connector of a station, and from when to when, both included.

    `site_id`: where the station stood then, as far as that is known.
    """

    transaction_id: int
    station_id: str
    connector_id: int
    from_time: Moment
    to_time: Moment
    site_id: str | None = None


class StationPlaces(OfTenant):
    """Asks where stations stand, and what was said of connectors meanwhile."""

    sessions: list[ConnectorTimes] = Field(min_length=1, max_length=SESSIONS_MAX)


class ConnectorSaid(Contract):
    """What a station said of the connector, by its own time, as OCPP spells it."""

    at: str
    status: str


class PlaceView(Contract):
    """Where a session was. `statuses` begins with the one that held at its start, if one is known.

    What nobody entered is null. `time_zone`: of the site, else of the tenant. `connector_type`:
    OCPI's name of the plug; `meter_id`: the serial number of the meter, as the station told it.
    `meter_public_key`: as the station's configuration has it for this connector.
    """

    transaction_id: int
    station_id: str
    site_id: str | None
    site_name: str | None
    address: str | None
    city: str | None
    postal_code: str | None
    country: str | None
    latitude: float | None
    longitude: float | None
    time_zone: str | None
    tenant_country: str | None
    party_id: str | None
    connector_type: str | None = None
    phase_count: int | None = None
    meter_id: str | None = None
    statuses: list[ConnectorSaid] = Field(default_factory=list)
    meter_public_key: str | None = None


class StationPlacesList(Contract):
    """One for each session whose station or site exists."""

    items: list[PlaceView]


SESSION_FACTS_OPERATIONS: dict[str, type[BaseModel]] = {
    "sessions.facts": SessionFacts,
    "reservations.facts": ReservationFacts,
}
STATION_PLACES_OPERATIONS: dict[str, type[BaseModel]] = {"stations.places": StationPlaces}

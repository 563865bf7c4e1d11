"""Requests that station-registry answers. Times are RFC 3339 UTC with `Z`."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from csms_shared.contracts.about import ABOUT_OPERATIONS
from csms_shared.contracts.certificates import CERTIFICATE_OPERATIONS
from csms_shared.contracts.configuration import CONFIGURATION_OPERATIONS
from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.hardware import HARDWARE_OPERATIONS
from csms_shared.contracts.history import HISTORY_OPERATIONS
from csms_shared.contracts.jobs import JOB_OPERATIONS
from csms_shared.contracts.messages import (
    ListFleetMessages,
    ListMessages,
    ListRefusals,
    RefusalName,
    RefusalView,
)
from csms_shared.contracts.overview import STATIONS_OVERVIEW_OPERATIONS
from csms_shared.contracts.pages import PARKED_OPERATIONS, PageQuery
from csms_shared.contracts.requests import OfTenant, WithinScope
from csms_shared.contracts.rollouts import ROLLOUT_OPERATIONS
from csms_shared.contracts.security_events import SECURITY_EVENT_OPERATIONS
from csms_shared.contracts.session_facts import STATION_PLACES_OPERATIONS
from csms_shared.contracts.sites import SITE_OPERATIONS, Name, Tags
from csms_shared.contracts.tenants import TENANT_OPERATIONS
from csms_shared.values.days import Day
from csms_shared.values.numbers import Number, Whole
from csms_shared.values.place_names import SiteId
from csms_shared.values.tenants import DEFAULT_TENANT, TenantId

# How many stations one question about scopes names.
IN_SCOPE_MAX = 1_000


class RegistrationStatus(StrEnum):
    """Whether a station may take part; OCPP 1.6 RegistrationStatus in lower case."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"


BootPolicy = Literal["accept", "pending", "reject"]
# A certificate's common name holds 64 characters (RFC 5280, appendix A.1, ub-common-name).
SerialNumber = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ConnectionView(Contract):
    """Who holds a station's socket; `unconfirmed` where its gateway is."""

    station_id: str
    gateway_id: str
    connection_id: str
    epoch: int
    ocpp_version: str
    remote_address: str
    connected_at: str
    unconfirmed: bool = False


class ConnectorView(Contract):
    """A connector as last reported; `transaction_id` is filled in by command-api.

    `evse_id`: in OCPP 1.6 the connector's number; a registry of the version before tells none.
    `availability`: what the last ChangeAvailability that the station took has set, for it or for
    the whole station; null where none has. `availability_scheduled`: the station answered that it
    follows when a transaction has ended.
    `plug_type` and `max_power_w` are what an operator says of it.
    """

    evse_id: int | None = None
    connector_id: int
    status: str
    error_code: str
    updated_at: str
    info: str | None = None
    vendor_error_code: str | None = None
    availability: str | None = None
    availability_scheduled: bool = False
    plug_type: str | None = None
    max_power_w: int | None = None
    transaction_id: int | None = None


class StationView(Contract):
    """A station; `connection` is null while it is offline.

    `online_unconfirmed`: it is online as far as is known, by a gateway that is `unconfirmed`.
    `upgrade_profile`: a higher security profile that counts beside its own until the station
    first connects with it. `serial_number` is what the station says at its boot;
    `registered_serial_number` what an operator says, and what a certificate may name.
    `exempt_from_limits`: it is on a test bench, and gateways count none of what docs/adr/0020
    names. `password_change_pending`: it has been given a password that it has not shown to have
    yet, or not to have, and more than one counts. `availability` and `availability_scheduled` are
    as of a connector, set for the whole station.
    """

    station_id: str
    online: bool
    online_unconfirmed: bool = False
    ocpp_version: str | None
    registration_status: RegistrationStatus
    boot_policy: BootPolicy | None
    security_profile: int
    upgrade_profile: int | None = None
    registered_serial_number: str | None = None
    has_password: bool
    password_change_pending: bool = False
    strict: bool
    exempt_from_limits: bool = False
    heartbeat_interval: int | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    firmware_version: str | None
    iccid: str | None = None
    imsi: str | None = None
    site_id: str | None = None
    display_name: str | None = None
    tags: list[str] = Field(default_factory=list)
    installed_on: str | None = None
    commissioned_on: str | None = None
    phase_count: int | None = None
    max_current_a: float | None = None
    created_at: str
    last_seen_at: str | None
    last_boot_at: str | None
    tolerated: dict[str, int] = Field(default_factory=dict)
    availability: str | None = None
    availability_scheduled: bool = False
    connection: ConnectionView | None
    connectors: list[ConnectorView]


class StationDetail(StationView):
    """A single station, and why it was last refused, if it was."""

    last_refusal: RefusalView | None


class OwnerView(Contract):
    """Where commands for a station go; `gateway_id` is null while it is offline."""

    station_id: str
    tenant_id: str = DEFAULT_TENANT
    known: bool
    registration_status: Open[RegistrationStatus] | None = None
    ocpp_version: str | None = None
    gateway_id: str | None = None
    connection_id: str | None = None
    epoch: int | None = None


class GatewayView(Contract):
    """A gateway whose lease runs.

    `unconfirmed`: it has not renewed its lease in time, or was found away, so it is not known
    whether it still holds its connections. `renewed_at` is null where the lease was granted to it
    after an outage, and not renewed since.
    """

    gateway_id: str
    name: str
    connections: int
    version: str
    started_at: str
    lease_expires_at: str
    renewed_at: str | None = None
    unconfirmed: bool = False


class FleetStatus(Contract):
    """What `GET /status` says of stations and gateways.

    `stations_online` are those of which it is known; `stations_unconfirmed`, which are not in it,
    those of gateways that are `unconfirmed`. All others are offline.
    `warnings`: what is wrong and keeps the registry from no other work, by name.
    """

    stations: int
    stations_online: int
    stations_unconfirmed: int = 0
    gateways: list[GatewayView]
    warnings: dict[str, str] = Field(default_factory=dict)


class FleetCounts(Contract):
    """How many stations a tenant has; `stations_online`, `stations_unconfirmed`: `FleetStatus`."""

    stations: int
    stations_online: int
    stations_unconfirmed: int


class ListStations(PageQuery, WithinScope):
    """Filter of the list of stations.

    `q` looks into id, vendor, model, serial number and display name. `online` includes those that
    are `online_unconfirmed`.
    """

    online: bool | None = None
    registration_status: RegistrationStatus | None = None
    vendor: str | None = None
    site_id: str | None = None
    tag: str | None = None
    q: str | None = None


class StationName(OfTenant):
    """Names one station."""

    station_id: str


class StationDescription(Contract):
    """What an operator says of a station; null where it is not known.

    `max_current_a`: amperes of each phase.
    """

    site_id: SiteId | None = None
    display_name: Name | None = None
    installed_on: Day | None = None
    commissioned_on: Day | None = None
    phase_count: Annotated[int, Whole(1, 3)] | None = None
    max_current_a: Annotated[float, Number(1, 10_000)] | None = None


class CreateStation(StationDescription, OfTenant):
    """A station made by an operator; null settings mean the suite's default.

    `credential_proofs` are hex HMACs of the password (text form and, where it is hex, the decoded
    form); empty where the station has none.
    """

    station_id: str = Field(min_length=1, max_length=255)
    credential_proofs: tuple[str, ...] = ()
    security_profile: int | None = Field(None, ge=0, le=3)
    registered_serial_number: SerialNumber | None = None
    heartbeat_interval: int | None = Field(None, ge=1, le=86_400)
    boot_policy: BootPolicy | None = None
    strict: bool = False
    exempt_from_limits: bool = False
    tags: Tags = Field(default_factory=list)


class ChangeStation(StationDescription, OfTenant):
    """Changes to a station; only the fields named in `set` are taken over.

    `to_tenant_id` gives it to another tenant; only a platform's administrator may, and nothing
    else is changed with it.
    """

    station_id: str
    set: frozenset[str]
    to_tenant_id: TenantId | None = None
    registration_status: RegistrationStatus | None = None
    security_profile: int | None = Field(None, ge=0, le=3)
    registered_serial_number: SerialNumber | None = None
    heartbeat_interval: int | None = Field(None, ge=1, le=86_400)
    boot_policy: BootPolicy | None = None
    strict: bool | None = None
    exempt_from_limits: bool | None = None
    tags: Tags | None = None


class SetPassword(OfTenant):
    """A new password, as proofs. `keep_previous`: the old one counts until the new one is used.

    `either`, with it: whichever of them the station uses first is the one that stays.
    `reboot_required_ms`, in its place: when the station said that it takes the new one at its
    next reboot; from a Reset that it accepts later on, it is as with `either`.
    `withdrawn`: the station did not take the password after all, and it counts no longer.
    `rotation`: the command that asks the station to take it; what is told of one after the next
    has begun is passed over. `lasts_s`, only before the command is sent: by when it has ended, in
    seconds from now. Until then another is refused.
    """

    station_id: str
    credential_proofs: tuple[str, ...] = Field(min_length=1)
    keep_previous: bool = False
    either: bool = False
    reboot_required_ms: int | None = None
    withdrawn: bool = False
    rotation: UUID | None = None
    lasts_s: float | None = Field(None, gt=0)


class OfferProfile(OfTenant):
    """A higher security profile is about to be asked of the station (whitepaper, A05)."""

    station_id: str
    security_profile: int


class LookUpOwners(Contract):
    """Asks where commands for these stations go."""

    station_ids: list[str] = Field(max_length=500)


class ListConnections(PageQuery, WithinScope):
    """The open connections, newest first."""


class StationsInScope(WithinScope):
    """Asks which of these stations there are within the scope."""

    station_ids: list[str] = Field(max_length=IN_SCOPE_MAX)


class NoParameters(Contract):
    """An operation that needs none."""


LOOK_UP_OWNERS = "owners.look_up"
STATIONS_IN_SCOPE = "stations.in_scope"

# operation -> parameters; results: Page[StationView], StationView (create, change), StationDetail
# (get), null (delete, set_password, offer_profile), list[ConnectorView], Page[ConnectionView],
# list[OwnerView], list[str] (in_scope), FleetStatus, FleetCounts, those of parked items,
# Page[HistoryView], Page[MessageView], Page[RefusalView], RefusalView; then StationPlacesList, and
# what is told of all.
STATION_OPERATIONS: dict[str, type[BaseModel]] = {
    "stations.list": ListStations,
    "stations.create": CreateStation,
    "stations.get": StationName,
    "stations.change": ChangeStation,
    "stations.delete": StationName,
    "stations.set_password": SetPassword,
    "stations.offer_profile": OfferProfile,
    "stations.connectors": StationName,
    **HARDWARE_OPERATIONS,
    "connections.list": ListConnections,
    LOOK_UP_OWNERS: LookUpOwners,
    STATIONS_IN_SCOPE: StationsInScope,
    "fleet.status": NoParameters,
    "fleet.counts": OfTenant,
    **SITE_OPERATIONS,
    **TENANT_OPERATIONS,
    **JOB_OPERATIONS,
    **ROLLOUT_OPERATIONS,
    **CONFIGURATION_OPERATIONS,
    **PARKED_OPERATIONS,
    **CERTIFICATE_OPERATIONS,
    **SECURITY_EVENT_OPERATIONS,
    **HISTORY_OPERATIONS,
    "messages.list": ListMessages,
    "messages.fleet": ListFleetMessages,
    "refusals.list": ListRefusals,
    "refusals.get": RefusalName,
    **STATION_PLACES_OPERATIONS,
    **STATIONS_OVERVIEW_OPERATIONS,
    **ABOUT_OPERATIONS,
}

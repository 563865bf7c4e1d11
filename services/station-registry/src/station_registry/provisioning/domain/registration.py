"""Whether a station may take part: policies, and what they make of it (OCPP 1.6, 4.2)."""

from dataclasses import dataclass, field
from typing import Literal

from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.stations import BootPolicy, RegistrationStatus
from csms_shared.values.tenants import DEFAULT_TENANT
from station_registry.credentials.domain.security_profiles import ProfileRules

UnknownStations = Literal["reject", "pending", "accept"]

# What a station that is not accepted waits before it asks again: short, so that it takes part
# soon after an operator accepted it.
BOOT_RETRY_S = 60

_STATUS: dict[BootPolicy, RegistrationStatus] = {
    "accept": RegistrationStatus.ACCEPTED,
    "pending": RegistrationStatus.PENDING,
    "reject": RegistrationStatus.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Policies:
    """The suite's defaults for stations that have no settings of their own."""

    boot: BootPolicy = "accept"
    unknown_stations: UnknownStations = "reject"
    max_unknown_stations: int = 1000
    unknown_stations_tenant: str = DEFAULT_TENANT
    heartbeat_interval_s: int = 300
    profiles: ProfileRules = field(default_factory=ProfileRules)


@dataclass(frozen=True, slots=True)
class Standing:
    """A station's registration and the settings that bear on it.

    `decided`: an operator set the status; it holds until an operator sets a policy. `exempt`: the
    gateways' limits do not count for it. `version` rises with each change that is stored.
    """

    status: RegistrationStatus
    decided: bool
    auto_created: bool
    boot_policy: BootPolicy | None
    boot_count: int
    heartbeat_interval_s: int | None
    strict: bool
    exempt: bool = False
    version: int = 0


def status_on_creation(boot_policy: BootPolicy | None, policies: Policies) -> RegistrationStatus:
    """Return the status of a station that an operator has just made."""
    return _STATUS[boot_policy or policies.boot]


def status_on_boot(standing: Standing, policies: Policies) -> RegistrationStatus:
    """Return what a BootNotification is answered."""
    if standing.decided:
        return standing.status
    if standing.boot_policy is not None:
        return _STATUS[standing.boot_policy]
    return _STATUS[policies.unknown_stations if standing.auto_created else policies.boot]


def heartbeat_interval(standing: Standing, policies: Policies) -> int:
    """Return the station's interval in seconds."""
    return standing.heartbeat_interval_s or policies.heartbeat_interval_s


def registration_change(standing: Standing, policies: Policies) -> RegistrationChange:
    """Return what a gateway must know of the station."""
    return RegistrationChange(
        registration_status=standing.status,
        boot_count=standing.boot_count,
        heartbeat_interval_s=heartbeat_interval(standing, policies),
        strict=standing.strict,
        exempt_from_limits=standing.exempt,
        version=standing.version,
    )

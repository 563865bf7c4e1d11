"""What station-registry is told at its start."""

from pydantic import Field

from csms_shared.contracts.stations import BootPolicy
from csms_shared.settings import DatabaseSettings
from station_registry.domain.registration import Policies, UnknownStations


class RegistrySettings(DatabaseSettings):
    """Settings of station-registry."""

    unknown_stations: UnknownStations = Field(
        "reject",
        description="what becomes of stations that nobody created: reject, pending, accept",
    )
    max_unknown_stations: int = Field(
        1000, ge=0, description="how many unknown stations are created at most"
    )
    heartbeat_interval: int = Field(
        300, ge=1, le=86_400, description="seconds between heartbeats of stations without their own"
    )
    boot_policy: BootPolicy = Field(
        "accept",
        description="answer to boots of stations without their own: accept, pending, reject",
    )

    def policies(self) -> Policies:
        """Return the defaults for stations that have no settings of their own."""
        return Policies(
            boot=self.boot_policy,
            unknown_stations=self.unknown_stations,
            max_unknown_stations=self.max_unknown_stations,
            heartbeat_interval_s=self.heartbeat_interval,
        )

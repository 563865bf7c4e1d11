"""Bodies of requests about stations."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from command_api.http.requests.addressable_ids import AddressableId, none_of
from csms_shared.contracts.hardware import Hardware
from csms_shared.contracts.sites import Tags
from csms_shared.contracts.stations import (
    BootPolicy,
    RegistrationStatus,
    SerialNumber,
    StationDescription,
)
from csms_shared.values.flags import Flag
from csms_shared.values.numbers import Whole
from csms_shared.values.tenants import TenantId

_EXEMPT = (
    "true for a station on a test bench: it may connect, boot and be sent triggers and commands as "
    "often as it likes; wrong passwords count all the same"
)


class NewStation(StationDescription):
    """A station before it connects."""

    model_config = ConfigDict(extra="forbid")

    station_id: AddressableId = Field(min_length=1, max_length=255, json_schema_extra=none_of())
    password: str | None = None
    security_profile: Annotated[int, Whole(0, 3)] | None = None
    registered_serial_number: SerialNumber | None = None
    heartbeat_interval: Annotated[int, Whole(1, 86_400)] | None = None
    boot_policy: BootPolicy | None = None
    strict: Flag = False
    exempt_from_limits: Flag = Field(False, description=_EXEMPT)
    tags: Tags = Field(default_factory=list)


class StationChange(StationDescription):
    """Changes to a station.

    A setting given as null means the suite's default again; of what describes the station, null
    means that it is not known any more.
    """

    model_config = ConfigDict(extra="forbid")

    registration_status: RegistrationStatus | SkipJsonSchema[None] = None
    security_profile: Annotated[int, Whole(0, 3)] | SkipJsonSchema[None] = None
    registered_serial_number: SerialNumber | None = None
    heartbeat_interval: Annotated[int, Whole(1, 86_400)] | None = None
    boot_policy: BootPolicy | None = None
    strict: Flag | SkipJsonSchema[None] = None
    exempt_from_limits: Flag | SkipJsonSchema[None] = Field(None, description=_EXEMPT)
    tags: Tags | SkipJsonSchema[None] = None


class StationTenant(BaseModel):
    """Whose a station is to be."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"tenant_id": "harbour-power"}]}
    )

    tenant_id: TenantId


class NewHardware(Hardware):
    """What a connector is made of, all of it; null or left out: it is not known."""

    model_config = ConfigDict(extra="forbid")


class NewPassword(BaseModel):
    """A password; without one, it is generated."""

    model_config = ConfigDict(extra="forbid")

    password: str | None = None

"""Bodies of requests about stations."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from csms_shared.contracts.stations import BootPolicy, RegistrationStatus, SerialNumber
from csms_shared.values.flags import Flag
from csms_shared.values.numbers import Whole

_EXEMPT = (
    "true for a station on a test bench: it may connect, boot and be sent triggers and commands as "
    "often as it likes; wrong passwords count all the same"
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewStation(_Body):
    """A station before it connects."""

    station_id: str = Field(min_length=1, max_length=255)
    password: str | None = None
    security_profile: Annotated[int, Whole(0, 3)] | None = None
    registered_serial_number: SerialNumber | None = None
    heartbeat_interval: Annotated[int, Whole(1, 86_400)] | None = None
    boot_policy: BootPolicy | None = None
    strict: Flag = False
    exempt_from_limits: Flag = Field(False, description=_EXEMPT)


class StationChange(_Body):
    """Changes to a station; a setting given as null means the suite's default again."""

    registration_status: RegistrationStatus | SkipJsonSchema[None] = None
    security_profile: Annotated[int, Whole(0, 3)] | SkipJsonSchema[None] = None
    registered_serial_number: SerialNumber | None = None
    heartbeat_interval: Annotated[int, Whole(1, 86_400)] | None = None
    boot_policy: BootPolicy | None = None
    strict: Flag | SkipJsonSchema[None] = None
    exempt_from_limits: Flag | SkipJsonSchema[None] = Field(None, description=_EXEMPT)


class NewPassword(_Body):
    """A password; without one, it is generated."""

    password: str | None = None

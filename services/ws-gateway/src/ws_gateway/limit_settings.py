"""The limits that a test bench meets, as settings; docs/operations.md says what each protects."""

from pydantic import Field, ValidationInfo, field_validator

from csms_shared.runtime.settings import ServiceSettings
from ws_gateway.domain.limits import DEFAULT_ENTRY_LIMITS, DEFAULT_LIMITS, EntryLimits, Limits

_MANY = 1_000_000
_KIB = 1024


class LimitSettings(ServiceSettings):
    """How much and how often stations may do what costs others something."""

    connections_at_once: int = Field(
        DEFAULT_ENTRY_LIMITS.connections_at_once,
        ge=1,
        le=_MANY,
        description="how often a station may connect in a row before it must wait (429)",
    )
    connection_interval_seconds: float = Field(
        DEFAULT_ENTRY_LIMITS.connection_interval_s,
        ge=0,
        le=3600,
        description="seconds between its connections after that; 0: any number",
    )
    failed_logins_at_once: int = Field(
        DEFAULT_ENTRY_LIMITS.failed_logins_at_once,
        ge=1,
        le=_MANY,
        description="how often a station's password may be wrong in a row from one address",
    )
    failed_login_interval_seconds: float = Field(
        DEFAULT_ENTRY_LIMITS.failed_login_interval_s,
        ge=0.1,
        le=3600,
        description="seconds between wrong passwords that reach the registry after that",
    )
    unknown_ids_at_once: int = Field(
        DEFAULT_ENTRY_LIMITS.unknown_ids_at_once,
        ge=1,
        le=_MANY,
        description="how many ids that no station has an address may ask for in a row (429)",
    )
    unknown_id_interval_seconds: float = Field(
        DEFAULT_ENTRY_LIMITS.unknown_id_interval_s,
        ge=0.01,
        le=3600,
        description="seconds between those that reach the registry after that",
    )
    admissions_per_second: float = Field(
        DEFAULT_ENTRY_LIMITS.admissions_per_s,
        ge=1,
        le=100_000,
        description="how many stations are let in a second, and how many boots handed on",
    )
    admission_wait_seconds: float = Field(
        DEFAULT_ENTRY_LIMITS.admission_wait_s,
        ge=0.1,
        le=30,
        description="how long a station waits for its turn at most; a boot no longer than 10 s",
    )
    refused_ids_per_address: int = Field(
        DEFAULT_ENTRY_LIMITS.refused_ids_per_address,
        ge=1,
        le=5000,
        description="how many unknown ids of an address are listed one by one in an hour",
    )
    frames_per_second: float = Field(
        DEFAULT_ENTRY_LIMITS.frames_per_s,
        ge=10,
        le=_MANY,
        description="how many frames of a station are taken in a second; the rest wait in the "
        "network, and who never pauses is closed (1008)",
    )
    queued_calls: int = Field(
        DEFAULT_LIMITS.queued_calls,
        ge=1,
        le=100_000,
        description="how many calls of a station may wait for the one before (close 1008)",
    )
    queued_calls_kib: int = Field(
        DEFAULT_LIMITS.queued_bytes // _KIB,
        ge=1,
        le=1024 * _KIB,
        description="and of how many KiB together",
    )
    queued_commands: int = Field(
        DEFAULT_LIMITS.queued_commands,
        ge=1,
        le=DEFAULT_LIMITS.exempt_commands,
        description="how many commands may wait for a station (BUSY)",
    )
    remembered_commands: int = Field(
        DEFAULT_LIMITS.remembered_commands,
        ge=1,
        le=DEFAULT_LIMITS.exempt_commands,
        validate_default=True,
        description="how many commands a station may be sent whose deadlines have not passed",
    )
    unanswered_commands: int = Field(
        DEFAULT_LIMITS.unanswered_commands,
        ge=1,
        le=_MANY,
        description="how many commands in a row a station may leave unanswered (close 1001)",
    )
    triggers_at_once: int = Field(
        DEFAULT_LIMITS.triggers_at_once,
        ge=1,
        le=_MANY,
        description="how many triggers a station may be sent in a row (BUSY)",
    )
    trigger_interval_seconds: float = Field(
        DEFAULT_LIMITS.trigger_interval_s,
        ge=0,
        le=3600,
        description="seconds between triggers to it after that; 0: any number",
    )
    ping_interval_seconds: float = Field(
        DEFAULT_LIMITS.ping_interval_s,
        ge=1,
        le=3600,
        description="seconds of silence before a station is pinged; after three it is closed",
    )

    @field_validator("remembered_commands")
    @classmethod
    def _holds_those_that_wait(cls, number: int, info: ValidationInfo) -> int:
        if number < info.data.get("queued_commands", 1):
            raise ValueError("must be at least CSMS_QUEUED_COMMANDS")
        return number

    def limits(self) -> Limits:
        """Return the bounds of each connection."""
        return Limits(
            queued_calls=self.queued_calls,
            queued_bytes=self.queued_calls_kib * _KIB,
            queued_commands=self.queued_commands,
            remembered_commands=self.remembered_commands,
            unanswered_commands=self.unanswered_commands,
            triggers_at_once=self.triggers_at_once,
            trigger_interval_s=self.trigger_interval_seconds,
            ping_interval_s=self.ping_interval_seconds,
        )

    def entry_limits(self) -> EntryLimits:
        """Return what all who connect share."""
        return EntryLimits(
            connections_at_once=self.connections_at_once,
            connection_interval_s=self.connection_interval_seconds,
            failed_logins_at_once=self.failed_logins_at_once,
            failed_login_interval_s=self.failed_login_interval_seconds,
            unknown_ids_at_once=self.unknown_ids_at_once,
            unknown_id_interval_s=self.unknown_id_interval_seconds,
            admissions_per_s=self.admissions_per_second,
            admission_wait_s=self.admission_wait_seconds,
            refused_ids_per_address=self.refused_ids_per_address,
            frames_per_s=self.frames_per_second,
        )

"""How much and how often: bounds that all connections, or all who connect, of a process share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one connection; a station's own call time-out is 20 to 60 s in the field.

    `exempt_commands` takes the place of `queued_commands` and `remembered_commands` for stations
    that are exempt: memory has a bound all the same.
    """

    call_deadline_s: float = 10.0
    queued_calls: int = 32
    queued_bytes: int = 2 * 1024 * 1024
    queued_commands: int = 16
    remembered_commands: int = 256
    exempt_commands: int = 10_000
    abandoned_commands: int = 32
    answer_timeout_s: float = 30.0
    unanswered_commands: int = 3
    triggers_at_once: int = 60
    trigger_interval_s: float = 1.0
    ping_interval_s: float = 60.0


@dataclass(frozen=True, slots=True)
class EntryLimits:
    """How often stations may connect, be wrong about their password, and boot (docs/adr/0014).

    A station that reconnects every `connection_interval_s`, for ever, is never refused.
    `admissions_per_s` is what one registry and its database answer on two cores when nothing else
    runs; a slower one answers later, and then the bound on claims under way sets the pace.
    """

    connections_at_once: int = 10
    connection_interval_s: float = 6.0
    failed_logins_at_once: int = 10
    failed_login_interval_s: float = 10.0
    unknown_ids_at_once: int = 100
    unknown_id_interval_s: float = 0.2
    admissions_per_s: float = 1000.0
    admission_wait_s: float = 5.0
    refused_ids_per_address: int = 50
    frames_per_s: float = 1000.0

    @property
    def admissions_at_once(self) -> int:
        """How many need not wait for their turn after a quiet time."""
        return max(1, int(self.admissions_per_s / 5))

    @property
    def admissions_waiting(self) -> int:
        """How many may wait: no more than can have their turn in time."""
        return max(1, int(self.admissions_per_s * self.admission_wait_s))


DEFAULT_LIMITS = Limits()
DEFAULT_ENTRY_LIMITS = EntryLimits()

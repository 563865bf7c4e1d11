"""Stations' calls as a protocol edge has read them, and what they are answered."""

from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from csms_shared.contracts.calls import RegistrationChange

Payload = dict[str, Any]
Said = TypeVar("Said", covariant=True)
Value = TypeVar("Value")

# (connection id, seq)
CallKey = tuple[str, int]


class Call(NamedTuple, Generic[Said]):
    """What a station said, with the gateway's stamp; times in milliseconds since the Unix epoch.

    `(connection_id, seq)` is unique; `(epoch, seq)` orders the calls of one station over all its
    connections. `tenant_id` and `boot_count` are those of `StationCall`. `version` is the OCPP
    version that the station spoke. `reply_key` is where its answer goes, if it gets one from here.
    `arrived_at` is when it came, in seconds of this process's monotonic clock.
    """

    station_id: str
    tenant_id: str
    connection_id: str
    epoch: int
    seq: int
    boot_count: int
    received_ms: int
    deadline_ms: int
    version: str
    reply_key: str | None
    arrived_at: float
    value: Said

    @property
    def key(self) -> CallKey:
        """What tells this call from all others."""
        return self.connection_id, self.seq

    @property
    def stamp(self) -> tuple[int, int]:
        """What orders the calls of one station."""
        return self.epoch, self.seq

    @property
    def received_at(self) -> datetime:
        """When the gateway received it."""
        return datetime.fromtimestamp(self.received_ms / 1000, UTC)


# As it came: its value is the payload.
UnreadCall = Call[Payload]


class Answer(NamedTuple, Generic[Value]):
    """What a call is answered, and what its gateway has to know of the station from now on."""

    reply_key: str | None
    call_key: CallKey
    value: Value
    registration: RegistrationChange | None = None


def answer(
    call: Call[object], value: Value, registration: RegistrationChange | None = None
) -> Answer[Value]:
    """Return the answer to a call."""
    return Answer(call.reply_key, call.key, value, registration)

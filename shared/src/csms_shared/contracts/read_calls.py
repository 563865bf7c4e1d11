"""Stations' calls as the protocol's edge has read them: no payload, no version."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from csms_shared.contracts.calls import RegistrationChange

Said = TypeVar("Said", covariant=True)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Call(Generic[Said]):
    """What a station said, with the gateway's stamp; times in milliseconds since the Unix epoch.

    `(connection_id, seq)` is unique; `(epoch, seq)` orders the calls of one station over all its
    connections. `reply_key` is where its answer goes, if it gets one from here.
    """

    station_id: str
    connection_id: str
    epoch: int
    seq: int
    received_ms: int
    deadline_ms: int
    reply_key: str | None
    value: Said

    @property
    def stamp(self) -> tuple[int, int]:
        """What orders the calls of one station."""
        return self.epoch, self.seq


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """What a call is answered, and what its gateway has to know of the station from now on."""

    reply_key: str | None
    connection_id: str
    seq: int
    value: Value
    registration: RegistrationChange | None = None


def answer(
    call: Call[object], value: Value, registration: RegistrationChange | None = None
) -> Answer[Value]:
    """Return the answer to a call."""
    return Answer(call.reply_key, call.connection_id, call.seq, value, registration)

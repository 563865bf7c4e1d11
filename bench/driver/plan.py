"""What the driver is told to do."""

from dataclasses import asdict, dataclass
from typing import Literal

import orjson

Load = Literal["sessions", "light", "connect", "idle", "commands"]


@dataclass(frozen=True, slots=True)
class Plan:
    """One load on one system; written on the driver's standard input as a line of JSON."""

    load: Load
    ocpp_url: str
    rest_url: str
    authorization: str
    station_prefix: str
    stations: int
    seconds: float
    rate: float = 0.0

    @property
    def station_ids(self) -> list[str]:
        """The stations, which are also the id tokens that they charge with."""
        return station_ids(self.station_prefix, self.stations)

    def encode(self) -> bytes:
        """Write the line."""
        return orjson.dumps(asdict(self)) + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Plan":
        """Read the line."""
        return cls(**orjson.loads(line))


def station_ids(prefix: str, count: int) -> list[str]:
    """Name stations."""
    return [f"{prefix}{number:05d}" for number in range(count)]

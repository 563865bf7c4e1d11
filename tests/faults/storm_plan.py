"""What a process of stations is told before a storm."""

from dataclasses import asdict, dataclass

import orjson


@dataclass(frozen=True, slots=True)
class StormPlan:
    """Which stations, and where: `urls[0]` is where they connect first."""

    urls: list[str]
    prefix: str
    stations: int
    heartbeat_every_s: float = 0.0
    """Seconds between the heartbeats of one station; 0 for stations that wait for the storm."""
    password: str = ""
    authority: str = ""
    """The file of the authority that gateways are known by; without, stations come without TLS."""
    certificates: str = ""
    """The folder of the stations' certificates and their keys; without, they show none."""

    def encode(self) -> bytes:
        """Write the line."""
        return orjson.dumps(asdict(self)) + b"\n"

    @classmethod
    def decode(cls, line: str) -> "StormPlan":
        """Read the line."""
        return cls(**orjson.loads(line))

    @property
    def station_ids(self) -> list[str]:
        """Name the stations."""
        return [f"{self.prefix}{number:05d}" for number in range(self.stations)]

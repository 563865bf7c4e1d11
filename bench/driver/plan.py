"""What the driver is told to do."""

from dataclasses import asdict, dataclass, field
from typing import Literal

import orjson

Load = Literal[
    "sessions",
    "meter-values",
    "paced",
    "starts",
    "connect",
    "memory",
    "idle",
    "commands",
    "queries",
    "fairness",
]


@dataclass(frozen=True, slots=True)
class Query:
    """One GET and how many items its answer must hold."""

    kind: str
    path: str
    items: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One load on one system; written on the driver's standard input as a line of JSON."""

    load: Load
    ocpp_urls: list[str]
    """Stations are dealt out among these."""
    rest_url: str
    authorization: str
    station_prefix: str
    stations: int
    seconds: float = 0.0
    rate: float = 0.0
    password: str = ""
    bursts: int = 0
    authority: str = ""
    """The file of the authority that the system is known by; without, stations come without TLS."""
    queries: list[Query] = field(default_factory=list)
    halves: int = 0
    """How often the load is put, `seconds` each."""
    troubled_url: str = ""
    """Where stations connect whose gateway may be in trouble."""
    troubled_prefix: str = ""
    troubled: int = 0
    """How many such stations there are; their ids are id tokens too."""

    @property
    def station_ids(self) -> list[str]:
        """The stations, which are also the id tokens that they charge with."""
        return station_ids(self.station_prefix, self.stations)

    @property
    def troubled_ids(self) -> list[str]:
        """The stations whose gateway may be in trouble."""
        return station_ids(self.troubled_prefix, self.troubled)

    def url_of(self, number: int) -> str:
        """Return where a station connects."""
        return self.ocpp_urls[number % len(self.ocpp_urls)]

    def encode(self) -> bytes:
        """Write the line."""
        return orjson.dumps(asdict(self)) + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Plan":
        """Read the line."""
        content = orjson.loads(line)
        content["queries"] = [Query(**query) for query in content["queries"]]
        return cls(**content)


def station_ids(prefix: str, count: int) -> list[str]:
    """Name stations."""
    return [f"{prefix}{number:05d}" for number in range(count)]

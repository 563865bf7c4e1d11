"""What a fleet needs, from measured unit costs; `python -m bench.capacity` prints the table."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from bench.markdown import table
from bench.unit_costs import UnitCosts, measured_costs, read_measured

FLEETS = (10_000, 100_000, 1_000_000)
DAY = 86_400.0
YEAR_DAYS = 365
GB = 1e9
TB = 1e12

# How full a process may be at the busiest hour, so that a neighbour's share fits in as well.
BUSY = 0.6
STATIONS_PER_GATEWAY = 10_000
STATIONS_PER_CELL = 100_000
BROKER_NODES = 3
INT32_IDS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Fleet:
    """What stations do, on average; assumptions, to be replaced by one's own numbers."""

    sessions_per_day: float = 3.0
    session_hours: float = 1.0
    meter_values_interval_s: float = 60.0
    samples: int = 4
    heartbeat_interval_s: float = 300.0
    other_messages_per_session: int = 6
    """Authorize, StartTransaction, StopTransaction, three StatusNotifications."""
    peak_factor: float = 3.0
    """How much busier the busiest hour is than the average."""

    @property
    def meter_values_per_day(self) -> float:
        """Return the MeterValues calls of one station."""
        return self.sessions_per_day * self.session_hours * 3600 / self.meter_values_interval_s

    @property
    def messages_per_day(self) -> float:
        """Return the calls of one station that cost more than a Heartbeat."""
        return self.meter_values_per_day + self.sessions_per_day * self.other_messages_per_session


@dataclass(frozen=True, slots=True)
class Needs:
    """What a number of stations needs; cores at the busiest hour, disk without replicas."""

    stations: int
    cells: int
    gateways: int
    messages_per_s: float
    rows_per_s: float
    cores: dict[str, float]
    gateway_memory: float
    disk_per_year: float
    outbox_bytes: float
    wal_bytes_per_s: float
    years_of_ids: float

    def processes(self, part: str) -> int:
        """Return how many single-threaded processes a part needs, two at least per cell."""
        return max(math.ceil(self.cores[part] / BUSY), 2 * self.cells)


def needs(stations: int, costs: UnitCosts, fleet: Fleet) -> Needs:
    """Derive what so many stations need.

    cores(part) = messages/s at the peak x CPU per message + stations x idle share.
    """
    cells = math.ceil(stations / STATIONS_PER_CELL)
    peak = stations * fleet.messages_per_day / DAY * fleet.peak_factor
    cores = {
        part: peak * cpu + stations * costs.idle_cpu_share.get(part, 0.0)
        for part, cpu in costs.message_cpu_s.items()
    }
    # One gateway may be lost or restarted without the others being overfull.
    by_sockets = math.ceil(stations / STATIONS_PER_GATEWAY)
    by_cpu = math.ceil(cores["gateway"] / BUSY)
    daily_bytes = stations * (
        fleet.meter_values_per_day * fleet.samples * costs.meter_value_bytes
        + fleet.sessions_per_day * costs.transaction_bytes
    )
    return Needs(
        stations=stations,
        cells=cells,
        gateways=max(by_sockets, by_cpu) + cells,
        messages_per_s=peak,
        rows_per_s=stations * fleet.meter_values_per_day * fleet.samples / DAY * fleet.peak_factor,
        cores=cores,
        gateway_memory=stations * costs.connection_bytes,
        disk_per_year=daily_bytes * YEAR_DAYS,
        outbox_bytes=stations * fleet.messages_per_day * costs.event_bytes,
        wal_bytes_per_s=peak * costs.wal_bytes_per_message,
        years_of_ids=INT32_IDS * cells / (stations * fleet.sessions_per_day * YEAR_DAYS),
    )


_ROWS: tuple[tuple[str, Callable[[Needs], str]], ...] = (
    ("cells", lambda n: str(n.cells)),
    ("messages/s at the busiest hour, Heartbeats aside", lambda n: f"{n.messages_per_s:,.0f}"),
    ("rows of meter values/s then", lambda n: f"{n.rows_per_s:,.0f}"),
    ("gateways, one of each cell to spare", lambda n: str(n.gateways)),
    ("memory of all connections", lambda n: f"{n.gateway_memory / GB:.1f} GB"),
    ("cores busy: gateways", lambda n: f"{n.cores['gateway']:.2f}"),
    ("cores busy: broker, before replication", lambda n: f"{n.cores['broker']:.2f}"),
    ("cores busy: database", lambda n: f"{n.cores['database']:.2f}"),
    ("cores busy: station-registry", lambda n: f"{n.cores['registry']:.2f}"),
    ("cores busy: session-service", lambda n: f"{n.cores['sessions']:.2f}"),
    ("station-registry processes", lambda n: str(n.processes("registry"))),
    ("session-service processes", lambda n: str(n.processes("sessions"))),
    ("command-api processes", lambda n: str(n.processes("commands"))),
    ("broker nodes", lambda n: str(n.cells * BROKER_NODES)),
    ("write-ahead log in the busiest hour", lambda n: f"{n.wal_bytes_per_s / 1e6:,.1f} MB/s"),
    ("disk per year of records, one copy", lambda n: f"{n.disk_per_year / TB:,.1f} TB"),
    ("disk of the outbox, a day of events", lambda n: f"{n.outbox_bytes / GB:,.1f} GB"),
    ("transaction ids last for", lambda n: f"{n.years_of_ids:,.0f} years"),
)


def needs_table(costs: UnitCosts, fleet: Fleet) -> str:
    """Write what each fleet needs, in Markdown."""
    fleets = [needs(stations, costs, fleet) for stations in FLEETS]
    head = ["", *(f"{stations:,} stations" for stations in FLEETS)]
    return table(head, [[title, *(text(n) for n in fleets)] for title, text in _ROWS])


if __name__ == "__main__":
    Console(width=200).print(
        needs_table(measured_costs(read_measured()), Fleet()), markup=False, highlight=False
    )

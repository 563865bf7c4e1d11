"""What the demo shows: one row per station, or one line per change where there is no terminal."""

from collections import Counter
from collections.abc import Sequence

import httpx
from rich.console import Console
from rich.table import Table

from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation

COLUMNS = ("station", "gateway", "connector", "transaction", "kWh", "last message", "latency")


class DemoView:
    """The state of a fleet as rows of text."""

    def __init__(
        self, fleet: list[SimulatedStation], operators: Sequence[Operator], console: Console
    ) -> None:
        self.console = console
        self._fleet = fleet
        self._operators = operators
        self._gateways: dict[str, str] = {}
        self._printed: dict[str, tuple[str, ...]] = {}
        self._last_messages: dict[str, tuple[str, str]] = {}
        self._calls_seen: Counter[Ledger] = Counter()

    async def refresh(self) -> None:
        """Ask the suite which gateway holds which station."""
        try:
            connections = [
                connection
                for operator in self._operators
                for connection in await operator.items("/connections")
            ]
        except httpx.HTTPError:
            return  # the table then shows who held the station last
        self._gateways = {c["station_id"]: c["gateway_id"] for c in connections}

    def table(self) -> Table:
        """Draw the whole fleet."""
        table = Table(title="Charging at the suite")
        for name in COLUMNS:
            table.add_column(name, justify="right" if name in ("kWh", "latency") else "left")
        for row in self._rows():
            table.add_row(*row)
        return table

    def print_lines(self) -> None:
        """Print the stations whose connector, transaction or gateway changed."""
        for row in self._rows():
            if self._printed.get(row[0]) != row[:4]:
                self._printed[row[0]] = row[:4]
                self.console.print("  ".join(row), markup=False, highlight=False)

    def _rows(self) -> list[tuple[str, ...]]:
        self._read_new_calls()
        return [self._row(station) for station in self._fleet]

    def _read_new_calls(self) -> None:
        for ledger in {station.ledger for station in self._fleet}:
            for call in ledger.calls[self._calls_seen[ledger] :]:
                latency = f"{call.latency * 1000:.1f} ms"
                self._last_messages[call.station_id] = (call.action, latency)
            self._calls_seen[ledger] = len(ledger.calls)

    def _row(self, station: SimulatedStation) -> tuple[str, ...]:
        session = station.sessions.get(1)
        gateway = self._gateways.get(station.station_id, "online")
        action, latency = self._last_messages.get(station.station_id, ("", ""))
        return (
            station.station_id,
            gateway if station.link.online.is_set() else "offline",
            station.connector_status[1],
            str(session.transaction_id or "starting") if session else "",
            f"{session.energy_wh / 1000:.2f}" if session else "",
            action,
            latency,
        )

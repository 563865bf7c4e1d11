"""A scriptable OCPP 1.6 station that behaves like firmware."""

from collections.abc import Mapping

from csms_simulator.answers.table import DEFAULT_HANDLERS
from csms_simulator.bare_station import BareStation, Handler
from csms_simulator.ledger import Ledger
from csms_simulator.settings import StationSettings


class SimulatedStation(BareStation):
    """A station that answers every call of the central system that a firmware knows.

    `async with SimulatedStation("S1", "ws://127.0.0.1:9000/ocpp") as station:` powers it up and
    cuts it off at the end. `handlers` replace or add answers.
    """

    def __init__(
        self,
        station_id: str,
        endpoint: str,
        ledger: Ledger | None = None,
        settings: StationSettings | None = None,
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        super().__init__(
            station_id,
            endpoint,
            ledger if ledger is not None else Ledger(),
            settings if settings is not None else StationSettings(),
            {**DEFAULT_HANDLERS, **(handlers or {})},
        )

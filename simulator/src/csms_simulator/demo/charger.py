"""A station of the demo: of a model, with cars to charge, and it shows what is reserved."""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from csms_simulator.answer import Answer
from csms_simulator.answers.reservations import cancel_reservation, reserve_now
from csms_simulator.bare_station import BareStation, Handler
from csms_simulator.demo.network import Stand
from csms_simulator.demo.vehicles import Vehicle, arriving
from csms_simulator.ledger import Ledger
from csms_simulator.session import ChargingSession, Reading
from csms_simulator.session_script import SessionPlan
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload, read_timestamp

SAMPLE_INTERVAL_S = 10.0
# A timer and the clock differ by that much.
_WAKES_EARLY_S = 0.05


class CarSession(ChargingSession):
    """A session that gives what the car takes, and ends when that has what it came for."""

    def __init__(
        self, station: "DemoStation", connector_id: int, id_tag: str, vehicle: Vehicle
    ) -> None:
        super().__init__(station, connector_id, id_tag)
        self._vehicle = vehicle
        self._model = station.stand.model

    @property
    def power_limit_w(self) -> int:
        """How much flows now."""
        return self.power_at(datetime.now(UTC))

    @property
    def is_done(self) -> bool:
        """Whether the car has what it came for."""
        return self._vehicle.is_done(self.energy_wh)

    def power_at(self, moment: datetime) -> int:
        """How much flows at a time: the least of what car, station and profiles allow."""
        plugged_in_s = (moment - self.charging_since).total_seconds()
        wanted = self._vehicle.power_w(self.energy_wh, plugged_in_s)
        return min(wanted, self._model.power_w, self.profile_limit_w(moment))

    def charge(self, energy_wh: int, power_w: int) -> None:
        """Advance the meter."""
        super().charge(energy_wh, power_w)
        if self.is_done:
            self.request_stop("Local")

    def readings(self) -> list[Reading]:
        """Read the meter, and the battery where the station can."""
        if not self._model.is_fast:
            return super().readings()
        fullness = round(self._vehicle.fullness(self.energy_wh) * 100)
        return [*super().readings(), ("SoC", "Percent", str(fullness), None)]


class DemoStation(SimulatedStation):
    """A station of the network."""

    def __init__(
        self,
        stand: Stand,
        endpoint: str,
        ledger: Ledger,
        handlers: Mapping[str, Handler] | None = None,
        password: bytes | None = None,
    ) -> None:
        model = stand.model
        settings = StationSettings(
            connectors=model.connectors,
            vendor=model.vendor,
            model=model.name,
            phases=model.phases,
            fuse_a=model.fuse_a,
            password=password,
        )
        own = {"ReserveNow": _reserve_and_show, "CancelReservation": _cancel_and_show}
        super().__init__(stand.station_id, endpoint, ledger, settings, {**own, **(handlers or {})})
        self.stand = stand
        self.firmware_version = model.firmware
        self.told_until: datetime | None = None
        self.remote_plan = SessionPlan(
            samples=None, sample_interval=SAMPLE_INTERVAL_S, power_w=model.power_w
        )
        self._chance = random.Random()

    def open_session(
        self, connector_id: int, id_tag: str, vehicle: Vehicle | None = None
    ) -> CarSession:
        """Begin to charge a car, any one where none is given."""
        car = vehicle or arriving(self._chance, self.stand.model.is_fast)
        session = CarSession(self, connector_id, id_tag, car)
        self.sessions[connector_id] = session
        return session

    def free_connectors(self) -> list[int]:
        """List where somebody could begin to charge."""
        return [
            connector
            for connector, status in self.connector_status.items()
            if connector > 0
            and status == "Available"
            and connector not in self.sessions
            and connector not in self.remote_starts
        ]


async def _reserve_and_show(station: BareStation, request: Payload) -> Answer:
    answer = await reserve_now(station, request)
    if answer.payload != {"status": "Accepted"} or request["connectorId"] == 0:
        return answer

    return Answer(answer.payload, partial(show_reserved, station, request))


async def show_reserved(station: BareStation, held: Payload) -> None:
    """Report a connector as reserved, and as free again when nothing is held there any more."""
    connector_id = held["connectorId"]
    await station.report_connector(connector_id, "Reserved")
    rest = read_timestamp(held["expiryDate"]) - datetime.now(UTC)
    await asyncio.sleep(max(rest.total_seconds(), 0) + _WAKES_EARLY_S)
    others = station.reservations.held(station.timestamp()).values()
    if station.connector_status[connector_id] == "Reserved" and not any(
        other["connectorId"] == connector_id for other in others
    ):
        await station.report_connector(connector_id, "Available")


async def _cancel_and_show(station: BareStation, request: Payload) -> Answer:
    held = station.reservations.held(station.timestamp()).get(request["reservationId"])
    answer = await cancel_reservation(station, request)
    if held is None or station.connector_status.get(held["connectorId"]) != "Reserved":
        return answer

    async def show() -> None:
        await station.report_connector(held["connectorId"], "Available")

    return Answer(answer.payload, show)

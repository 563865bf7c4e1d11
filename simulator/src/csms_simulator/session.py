"""One charging session of a simulated station: a meter, its messages, and its end."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol

from csms_simulator.charging_profiles import ChargingProfiles
from csms_simulator.errors import CallFailedError
from csms_simulator.reservations import Reservations
from csms_simulator.settings import StationSettings
from csms_simulator.transaction_queue import TransactionQueue
from csms_simulator.wire import Payload, timestamp_text

NOMINAL_VOLTAGE = 230
Reading = tuple[str, str, str, str | None]
"""Measurand, unit, value, phase."""


class SessionDiscardedError(CallFailedError):
    """The station gave up the session's StartTransaction."""


class ChargingStation(Protocol):
    """What a session uses of the station that it runs on."""

    settings: StationSettings
    meters: dict[int, int]
    sessions: dict[int, "ChargingSession"]
    queue: TransactionQueue
    reservations: Reservations
    charging_profiles: ChargingProfiles

    @property
    def stops_on_invalid_id(self) -> bool:
        """Whether a refused start ends the session."""

    def timestamp(self) -> str:
        """Read the station's clock."""


class ChargingSession:
    """A transaction from plugging in to its end, online or offline.

    The messages go through the station's queue, so a session runs without a connection; the
    transaction id is known when StartTransaction was answered.
    """

    def __init__(self, station: ChargingStation, connector_id: int, id_tag: str) -> None:
        self.connector_id = connector_id
        self.id_tag = id_tag
        self.transaction_id: int | None = None
        self.accepted: bool | None = None
        self.meter_start = station.meters[connector_id]
        self.power_w = 0
        self.charging_since = datetime.now(UTC)
        self.stop_requested = asyncio.Event()
        self.stop_reason = "Local"
        self.ended = asyncio.Event()
        # Its start was never answered: there is no id that anything of it could be told under.
        self._given_up = False
        self._station = station
        self._started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def energy_wh(self) -> int:
        """What was charged so far."""
        return self._station.meters[self.connector_id] - self.meter_start

    def start(self, at: datetime | None = None) -> None:
        """Queue the StartTransaction; `at`: when it was, for one that is told later."""
        payload: Payload = {
            "connectorId": self.connector_id,
            "idTag": self.id_tag,
            "meterStart": self.meter_start,
            "timestamp": self._clock(at),
        }
        reservation_id = self._station.reservations.used_by(
            self.connector_id, self.id_tag, payload["timestamp"]
        )
        if reservation_id is not None:
            payload["reservationId"] = reservation_id
        self._station.queue.put(self, "StartTransaction", lambda: payload)

    @property
    def power_limit_w(self) -> int:
        """How much the charging profiles let it draw now."""
        return self.profile_limit_w(datetime.now(UTC))

    def profile_limit_w(self, at: datetime) -> int:
        """How much the charging profiles let it draw at a time."""
        profiles = self._station.charging_profiles
        limit = profiles.limit_at(self.connector_id, at, self.charging_since)
        return int(limit * NOMINAL_VOLTAGE * self._station.settings.phases)

    def charge(self, energy_wh: int, power_w: int) -> None:
        """Advance the meter."""
        self._station.meters[self.connector_id] += energy_wh
        self.power_w = power_w

    def take_sample(self) -> None:
        """Queue a MeterValues with what the meter shows now."""
        self.report([self.meter_value("Sample.Periodic")])

    def report(self, meter_values: list[Payload]) -> None:
        """Queue a MeterValues with what the meter has shown."""
        if self._given_up:
            return
        self._station.queue.put(
            self,
            "MeterValues",
            lambda: {
                "connectorId": self.connector_id,
                "transactionId": self._known_id(),
                "meterValue": meter_values,
            },
        )

    def stop(
        self, reason: str | None = None, with_data: bool = False, at: datetime | None = None
    ) -> None:
        """Queue the StopTransaction; `at`: when it was, for one that is told later."""
        payload: Payload = {
            "idTag": self.id_tag,
            "meterStop": self._station.meters[self.connector_id],
            "timestamp": self._clock(at),
            "reason": reason or self.stop_reason,
        }
        if with_data:
            payload["transactionData"] = [self.meter_value("Transaction.End", at)]
        if not self._given_up:
            self._station.queue.put(
                self, "StopTransaction", lambda: {"transactionId": self._known_id(), **payload}
            )
        self._station.sessions.pop(self.connector_id, None)
        self._station.charging_profiles.transaction_ended(self.connector_id)

    def request_stop(self, reason: str) -> None:
        """Ask the script that runs this session to end it."""
        self.stop_reason = reason
        self.stop_requested.set()

    async def started(self, timeout: float = 15.0) -> int:
        """Wait for the transaction id."""
        async with asyncio.timeout(timeout):
            return await asyncio.shield(self._started)

    async def wait_ended(self, timeout: float = 15.0) -> None:
        """Wait until the StopTransaction was answered."""
        async with asyncio.timeout(timeout):
            await self.ended.wait()

    def answered(self, action: str, response: Payload) -> None:
        """Learn the central system's answer to a queued message."""
        if action == "StartTransaction":
            self.transaction_id = int(response["transactionId"])
            self.accepted = response["idTagInfo"]["status"] == "Accepted"
            if not self._started.done():
                self._started.set_result(self.transaction_id)
            if not self.accepted and self._station.stops_on_invalid_id:
                self.request_stop("DeAuthorized")
        elif action == "StopTransaction":
            self.ended.set()

    def discarded(self, action: str) -> None:
        """Learn that a queued message was given up."""
        if action == "StartTransaction":
            self._started.set_exception(SessionDiscardedError(f"start of {self.id_tag} given up"))
            self._started.exception()  # nobody has to ask for it
            self._given_up = True
            self.request_stop("Other")
        if action in ("StartTransaction", "StopTransaction"):
            self.ended.set()

    def _clock(self, at: datetime | None) -> str:
        return self._station.timestamp() if at is None else timestamp_text(at)

    def _known_id(self) -> int:
        assert self.transaction_id is not None, "the queue delivers the start first"
        return self.transaction_id

    def readings(self) -> list[Reading]:
        """Read the meter."""
        register = self._station.meters[self.connector_id]
        phases = self._station.settings.phases
        current = f"{self.power_w / NOMINAL_VOLTAGE / phases:.1f}"
        return [
            ("Energy.Active.Import.Register", "Wh", str(register), None),
            ("Power.Active.Import", "W", str(self.power_w), None),
            *(("Current.Import", "A", current, f"L{phase}") for phase in range(1, phases + 1)),
            ("Voltage", "V", f"{NOMINAL_VOLTAGE}.0", "L1-N"),
        ]

    def meter_value(self, context: str, at: datetime | None = None) -> Payload:
        """Return what the meter shows, as one element of a MeterValues."""
        return {
            "timestamp": self._clock(at),
            "sampledValue": [
                {"value": value, "context": context, "measurand": measurand, "unit": unit}
                | ({"phase": phase} if phase else {})
                for measurand, unit, value, phase in self.readings()
            ],
        }

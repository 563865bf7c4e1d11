"""A station that sends the meter values of one open transaction and nothing else."""

import asyncio
import time

import orjson

from bench.driver import frames
from bench.driver.station import DriverStation, Tally

FIRST_METER = 1000


class MeteringStation(DriverStation):
    """Starts a transaction, then sends its next values as soon as the last are answered."""

    def __init__(self, station_id: str, tally: Tally) -> None:
        super().__init__(station_id, tally)
        self.started = asyncio.Event()
        self.idle = asyncio.Event()
        self._transaction_id = 0
        self._meter = FIRST_METER
        self._rows = 0
        self._stopping = False

    def begin(self) -> None:
        """Start the transaction; the values follow by themselves."""
        self.on_answer = self._start_answered
        text = frames.start(self.next_id(), self.station_id.encode(), self._meter, self.clock_ms())
        self.send_call("StartTransaction", text, time.perf_counter())

    def finish(self) -> None:
        """Send nothing after the outstanding call is answered."""
        self._stopping = True

    def report(self) -> list[tuple[int, int | None, int]]:
        """List the transaction, which stays open, with its acknowledged rows."""
        return [(self._transaction_id, None, self._rows)] if self._transaction_id else []

    def _start_answered(self, text: bytes) -> None:
        response = orjson.loads(text)[2]
        if response["idTagInfo"]["status"] != "Accepted":
            self.tally.problems[f"token of a start: {response['idTagInfo']}"] += 1
        self._transaction_id = response["transactionId"]
        self.started.set()
        self.on_answer = self._values_answered
        self._send_values()

    def _values_answered(self, text: bytes) -> None:
        self._rows += frames.SAMPLES_ALONE
        if self._stopping:
            self.idle.set()
        else:
            self._send_values()

    def _send_values(self) -> None:
        if self.transport is None:
            return
        self._meter += 1
        text = frames.meter_values_alone(
            self.next_id(), self._transaction_id, self._meter, self.clock_ms()
        )
        self.send_call("MeterValues", text, time.perf_counter())

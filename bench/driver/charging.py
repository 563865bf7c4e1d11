"""A station that charges: one session after the other, in a closed loop or at a given pace."""

import asyncio
import time
from collections import deque

import orjson

from bench.driver import frames
from bench.driver.station import DriverStation, Tally

FIRST_METER = 1000


class ChargingStation(DriverStation):
    """Runs sessions and remembers what was acknowledged of each."""

    def __init__(self, station_id: str, tally: Tally) -> None:
        super().__init__(station_id, tally)
        self.id_tag = station_id.encode()
        # transaction id, energy or None while it runs, acknowledged meter value rows
        self.transactions: list[tuple[int, int | None, int]] = []
        self.idle = asyncio.Event()
        self.idle.set()
        self._step = 0
        self._transaction_id = 0
        self._meter = FIRST_METER
        self._rows = 0
        self._due_times: deque[float] = deque()
        self._paced = False
        self._stopping = False

    def run_closed_loop(self) -> None:
        """Send the next call as soon as the last is answered."""
        self._paced = False
        self.idle.clear()
        self.on_answer = self._answered
        self._send(time.perf_counter())

    def send_at(self, due: float) -> None:
        """Send the next call now, or as soon as the outstanding one is answered."""
        self._paced = True
        self.on_answer = self._answered
        if self.idle.is_set():
            self.idle.clear()
            self._send(due)
        else:
            self._due_times.append(due)

    def finish(self) -> None:
        """Send nothing after the outstanding call is answered."""
        self._stopping = True

    def report(self) -> list[tuple[int, int | None, int]]:
        """List every acknowledged transaction, the unfinished one too."""
        if self._transaction_id:
            return [*self.transactions, (self._transaction_id, None, self._rows)]
        return self.transactions

    def _send(self, due: float) -> None:
        if self.transport is None:
            return
        step = self._step
        text = frames.session_call(
            step, self.next_id(), self.id_tag, self._transaction_id, self._meter, self.clock_ms()
        )
        self.send_call(frames.ACTIONS[step], text, due)

    def _answered(self, text: bytes) -> None:
        step = self._step
        if step == frames.START_STEP:
            self._started(orjson.loads(text)[2])
        elif step == frames.STOP_STEP:
            energy = frames.meter_stop(self._meter) - self._meter
            self.transactions.append((self._transaction_id, energy, self._rows))
            self._meter += energy
            self._transaction_id = self._rows = 0
        elif frames.START_STEP + 1 < step < frames.STOP_STEP:
            self._rows += frames.SAMPLES_PER_METER_VALUES
        self._step = (step + 1) % frames.CALLS_PER_SESSION
        if self._paced:
            if self._due_times:
                self._send(self._due_times.popleft())
            else:
                self.idle.set()
        elif self._stopping:
            self.idle.set()
        else:
            self._send(time.perf_counter())

    def _started(self, response: dict[str, object]) -> None:
        transaction_id = response["transactionId"]
        assert isinstance(transaction_id, int)
        self._transaction_id = transaction_id
        token = response["idTagInfo"]
        if not isinstance(token, dict) or token.get("status") != "Accepted":
            self.tally.problems[f"token of a start: {token}"] += 1

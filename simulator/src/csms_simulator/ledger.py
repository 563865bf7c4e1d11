"""The ground truth of what simulated stations sent and what they were promised.

An acknowledged call is a promise: its effect must be found exactly once later. A call that was
sent without an answer may or may not have an effect, so it is kept apart.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from csms_simulator.wire import Payload, read_timestamp

StartKey = tuple[str, int, str, datetime, int]
"""Station, connector, id token (folded), start time, meter start: what makes a start unique."""

UNREADABLE = (KeyError, ValueError, TypeError, AttributeError)
"""What reading a payload raises that is malformed on purpose: such a call promises no record."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled value; equal samples of a transaction are one."""

    timestamp: datetime
    measurand: str
    phase: str
    context: str
    location: str
    unit: str
    value: str


@dataclass(frozen=True, slots=True)
class AcknowledgedCall:
    """A call that the central system answered positively."""

    station_id: str
    action: str
    payload: Payload
    response: Payload
    answered_at: datetime
    latency: float


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a transaction as the station reported it."""

    stopped_at: datetime
    meter_stop: int
    reason: str | None


@dataclass(slots=True)
class PromisedTransaction:
    """A transaction whose start was acknowledged, with all that was acknowledged about it."""

    transaction_id: int
    key: StartKey
    accepted: bool
    stops_sent: list[Stop] = field(default_factory=list)
    stopped: bool = False
    samples: set[Sample] = field(default_factory=set)
    samples_unacknowledged: set[Sample] = field(default_factory=set)

    @property
    def station_id(self) -> str:
        """The station that charged."""
        return self.key[0]


@dataclass(slots=True)
class ReceivedCommand:
    """A call of the central system and how the station answered it."""

    station_id: str
    message_id: str
    action: str
    payload: Payload
    received_at: datetime
    answer: Payload | None = None
    error_code: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DiscardedMessage:
    """A transaction-related message that the station gave up after its attempts."""

    station_id: str
    action: str
    payload: Payload
    reason: str


class Ledger:
    """Collects what any number of stations in one event loop were promised."""

    def __init__(self) -> None:
        self.opened_at = datetime.now(UTC)
        self.calls: list[AcknowledgedCall] = []
        self.transactions: dict[int, PromisedTransaction] = {}
        self.starts_sent: set[StartKey] = set()
        self.commands: list[ReceivedCommand] = []
        self.discarded: list[DiscardedMessage] = []
        self.failed_attempts: Counter[str] = Counter()
        self.most_failed_attempts = 0
        self.contradictions: list[str] = []
        self._transaction_of_start: dict[StartKey, int] = {}
        self._command_ids: set[tuple[str, str]] = set()

    @property
    def station_ids(self) -> set[str]:
        """Every station that was ever acknowledged a call or started a transaction."""
        return {call.station_id for call in self.calls} | {key[0] for key in self.starts_sent}

    def sent(self, station_id: str, action: str, payload: Payload) -> None:
        """Note a call that goes out; whether it arrives is not known yet."""
        with suppress(*UNREADABLE):
            self._note_sent(station_id, action, payload)

    def _note_sent(self, station_id: str, action: str, payload: Payload) -> None:
        match action:
            case "StartTransaction":
                self.starts_sent.add(start_key(station_id, payload))
            case "MeterValues" | "StopTransaction":
                transaction = self._own_transaction(station_id, payload.get("transactionId"))
                if transaction is None:
                    return
                transaction.samples_unacknowledged.update(samples_of(action, payload))
                if action == "StopTransaction" and not transaction.stopped:
                    stop = stop_of(payload)
                    if stop not in transaction.stops_sent:
                        transaction.stops_sent.append(stop)

    def acknowledged(
        self, station_id: str, action: str, payload: Payload, response: Payload, latency: float
    ) -> None:
        """Note the positive answer to a call."""
        self.calls.append(
            AcknowledgedCall(station_id, action, payload, response, datetime.now(UTC), latency)
        )
        with suppress(*UNREADABLE):
            self._note_effect(station_id, action, payload, response)

    def _note_effect(
        self, station_id: str, action: str, payload: Payload, response: Payload
    ) -> None:
        if action == "StartTransaction":
            self._start_acknowledged(station_id, payload, response)
        elif action in ("MeterValues", "StopTransaction"):
            transaction = self._own_transaction(station_id, payload.get("transactionId"))
            if transaction is not None:
                transaction.samples.update(samples_of(action, payload))
                transaction.stopped = transaction.stopped or action == "StopTransaction"

    def attempt_failed(self, attempts: int, failure: Exception) -> None:
        """Note that a transaction-related message was sent in vain, `attempts` times so far."""
        self.failed_attempts[type(failure).__name__] += 1
        self.most_failed_attempts = max(self.most_failed_attempts, attempts)

    def discard(self, station_id: str, action: str, payload: Payload, reason: str) -> None:
        """Note a message that the station will never send again."""
        self.discarded.append(DiscardedMessage(station_id, action, payload, reason))

    def command_received(
        self, station_id: str, message_id: str, action: str, payload: Payload
    ) -> ReceivedCommand:
        """Note a call of the central system; the caller fills in the answer."""
        if (station_id, message_id) in self._command_ids:
            self.contradictions.append(f"{station_id} got call {message_id} ({action}) twice")
        self._command_ids.add((station_id, message_id))
        command = ReceivedCommand(station_id, message_id, action, payload, datetime.now(UTC))
        self.commands.append(command)
        return command

    def forget(self) -> None:
        """Drop what is over: for stations that run for days and are never compared."""
        self.calls.clear()
        self.commands.clear()
        self.transactions = {
            number: known for number, known in self.transactions.items() if not known.stopped
        }
        open_starts = {known.key for known in self.transactions.values()}
        self._transaction_of_start = {
            key: number for key, number in self._transaction_of_start.items() if key in open_starts
        }
        self._command_ids.clear()
        # A start that waits for its answer is not needed: nothing is compared any more.
        self.starts_sent &= open_starts

    def commands_to(self, station_id: str, action: str) -> list[ReceivedCommand]:
        """List what a station was told to do."""
        return [c for c in self.commands if c.station_id == station_id and c.action == action]

    def calls_of(self, station_id: str, action: str) -> list[AcknowledgedCall]:
        """List the acknowledged calls of one station and action."""
        return [c for c in self.calls if c.station_id == station_id and c.action == action]

    def _start_acknowledged(self, station_id: str, payload: Payload, response: Payload) -> None:
        key = start_key(station_id, payload)
        transaction_id = response.get("transactionId")
        accepted = response.get("idTagInfo", {}).get("status") == "Accepted"
        if not isinstance(transaction_id, int) or transaction_id <= 0:
            self.contradictions.append(f"{station_id} was given transaction id {transaction_id!r}")
            return
        earlier = self._transaction_of_start.setdefault(key, transaction_id)
        if earlier != transaction_id:
            self.contradictions.append(
                f"{station_id} was given {earlier} and {transaction_id} for the same start"
            )
        known = self.transactions.setdefault(
            transaction_id, PromisedTransaction(transaction_id, key, accepted)
        )
        if known.key != key:
            self.contradictions.append(
                f"transaction id {transaction_id} was given to {known.station_id} and {station_id}"
                " for different starts"
            )
        elif known.accepted != accepted:
            self.contradictions.append(
                f"the answer to the start of {transaction_id} changed between its retries"
            )

    def _own_transaction(self, station_id: str, transaction_id: Any) -> PromisedTransaction | None:
        transaction = self.transactions.get(transaction_id)
        return transaction if transaction and transaction.station_id == station_id else None


def start_key(station_id: str, payload: Payload) -> StartKey:
    """Tell what makes a StartTransaction the same when it is sent again."""
    return (
        station_id,
        payload["connectorId"],
        payload["idTag"].casefold(),
        read_timestamp(payload["timestamp"]),
        payload["meterStart"],
    )


def stop_of(payload: Payload) -> Stop:
    """Read the end of a transaction from a StopTransaction."""
    return Stop(read_timestamp(payload["timestamp"]), payload["meterStop"], payload.get("reason"))


def samples_of(action: str, payload: Payload) -> Iterator[Sample]:
    """List the sampled values in a MeterValues or StopTransaction, with OCPP's default values."""
    part = "meterValue" if action == "MeterValues" else "transactionData"
    for meter_value in payload.get(part, ()):
        taken_at = read_timestamp(meter_value["timestamp"])
        for sampled in meter_value["sampledValue"]:
            yield sample(taken_at, sampled)


def sample(taken_at: datetime, sampled: Payload) -> Sample:
    """Read one sampled value; what is absent or null has OCPP 1.6's default (core 7.43)."""
    measurand = sampled.get("measurand") or "Energy.Active.Import.Register"
    return Sample(
        timestamp=taken_at,
        measurand=measurand,
        phase=sampled.get("phase") or "",
        context=sampled.get("context") or "Sample.Periodic",
        location=sampled.get("location") or "Outlet",
        unit=sampled.get("unit") or ("Wh" if measurand.startswith("Energy.") else ""),
        value=number_text(sampled["value"]),
    )


def number_text(value: object) -> str:
    """Write a number in one form, so that 1, 1.0 and "1.00" are equal; other text stays."""
    text = str(value)
    try:
        return repr(float(text))
    except ValueError:
        return text

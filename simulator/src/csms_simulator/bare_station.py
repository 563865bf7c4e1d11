"""A scriptable OCPP 1.6 station: its connection, boots, connectors, meters and sessions."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from csms_simulator.answer import Answer, AnswerWithCallError
from csms_simulator.charging_profiles import ChargingProfiles
from csms_simulator.configuration import Configuration
from csms_simulator.errors import (
    CallFailedError,
    CallRefusedError,
    CallTimedOutError,
    ConnectionLostError,
    OfflineError,
)
from csms_simulator.ledger import Ledger
from csms_simulator.link import Link
from csms_simulator.local_list import LocalList
from csms_simulator.reservations import Reservations
from csms_simulator.session import ChargingSession
from csms_simulator.session_script import SessionPlan
from csms_simulator.settings import StationSettings
from csms_simulator.status_reports import StatusReports
from csms_simulator.transaction_queue import TransactionQueue
from csms_simulator.wire import Call, CallError, CallResult, Payload, encode, timestamp_text

NO_ERROR = "NoError"
Handler = Callable[["BareStation", Payload], Awaitable[Answer | Payload]]
"""Answers one action. It may take its time, or raise AnswerWithCallError."""


class BareStation:
    """A station with connectors, meters, a configuration, and a queue that outlives connections.

    It answers the calls whose handlers it is given, and every other one NotImplemented. What
    answers them knows the station, which knows none of it. Everything that the station is promised
    goes into the ledger.
    """

    def __init__(
        self,
        station_id: str,
        endpoint: str,
        ledger: Ledger,
        settings: StationSettings,
        handlers: Mapping[str, Handler],
    ) -> None:
        self.station_id = station_id
        self.ledger = ledger
        self.settings = settings
        self.handlers = dict(handlers)
        self.configuration = Configuration(self.settings.connectors)
        self.reservations = Reservations()
        self.local_list = LocalList()
        self.charging_profiles = ChargingProfiles(self.settings.fuse_a)
        self.firmware_version = "1.0.0"
        self.link = Link(station_id, endpoint, self.ledger, self.settings, self._called)
        self.accepted = asyncio.Event()
        self.reports = StatusReports(self.link, self.accepted)
        self.queue = TransactionQueue(
            self.link, self.accepted, self.configuration, self.ledger, self.settings
        )
        connector_ids = range(1, self.settings.connectors + 1)
        self.connector_status = dict.fromkeys(range(self.settings.connectors + 1), "Available")
        self.faults: dict[int, str] = {}
        self.meters = dict.fromkeys(connector_ids, 1000)
        self.sessions: dict[int, ChargingSession] = {}
        self.remote_starts: set[int] = set()
        self.remote_plan = SessionPlan(samples=None)
        self._boot_due = asyncio.Event()
        self._boot_due.set()
        self._last_timestamp = datetime.min.replace(tzinfo=UTC)
        self._running: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Power up: connect (and boot, if automatic) in the background."""
        ready = asyncio.Event()
        self._running = asyncio.create_task(self._run(ready), name=f"station {self.station_id}")
        await ready.wait()

    async def stop(self) -> None:
        """Power off. A defect in a background task of the station is raised here."""
        if self._running is None:
            return
        self._running.cancel()
        running, self._running = self._running, None
        try:
            await running
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise

    async def call(
        self,
        action: str,
        payload: Payload,
        message_id: str | None = None,
        timeout: float | None = None,
    ) -> Payload:
        """Send any call past the queue, when no other is outstanding; return its answer."""
        return await self.link.call(action, payload, message_id, timeout)

    async def send_raw(self, text: str) -> None:
        """Send any text as it is; the ledger knows nothing of it."""
        await self.link.send_raw(text)

    async def boot(self) -> str:
        """Send one BootNotification and act on its status, which is returned."""
        response = await self.call(
            "BootNotification",
            {
                "chargePointVendor": self.settings.vendor,
                "chargePointModel": self.settings.model,
                "chargePointSerialNumber": self.station_id[:25],
                "firmwareVersion": self.firmware_version,
            },
        )
        self.configuration.put("HeartbeatInterval", str(response["interval"]))
        if response["status"] == "Accepted":
            self._boot_due.clear()
            self.accepted.set()
        return str(response["status"])

    async def wait_accepted(self, timeout: float = 15.0) -> None:
        """Wait until a BootNotification was accepted."""
        async with asyncio.timeout(timeout):
            await self.accepted.wait()

    async def heartbeat(self) -> None:
        """Send one Heartbeat."""
        await self.call("Heartbeat", {})

    async def authorize(self, id_tag: str) -> bool:
        """Ask whether a token may charge; without an answer the station lets it."""
        try:
            response = await self.call("Authorize", {"idTag": id_tag})
        except CallFailedError:
            return True
        return bool(response["idTagInfo"]["status"] == "Accepted")

    async def report_connector(self, connector_id: int, status: str | None = None) -> None:
        """Set a connector's status and report it, if there is a connection that takes it."""
        self.connector_status[connector_id] = status or self.connector_status[connector_id]
        is_faulted = self.connector_status[connector_id] == "Faulted"
        error_code = self.faults.get(connector_id, NO_ERROR) if is_faulted else NO_ERROR
        try:
            await self.call(
                "StatusNotification",
                {
                    "connectorId": connector_id,
                    "errorCode": error_code,
                    "status": self.connector_status[connector_id],
                    "timestamp": self.timestamp(),
                },
            )
        except CallFailedError:
            return  # a status is not queued; the next connection reports the current one

    def open_session(self, connector_id: int, id_tag: str) -> ChargingSession:
        """Begin a session on a connector; the caller drives it."""
        session = ChargingSession(self, connector_id, id_tag)
        self.sessions[connector_id] = session
        return session

    def session_of(self, transaction_id: int) -> ChargingSession | None:
        """Find the running session with a transaction id."""
        running = self.sessions.values()
        return next((s for s in running if s.transaction_id == transaction_id), None)

    @property
    def stops_on_invalid_id(self) -> bool:
        """Whether a refused start ends the session."""
        return self.configuration.text("StopTransactionOnInvalidId") == "true"

    def timestamp(self) -> str:
        """Read the station's clock; no two readings are equal."""
        now = datetime.now(UTC) + timedelta(seconds=self.settings.clock_offset)
        earliest = self._last_timestamp + timedelta(milliseconds=1)
        now = max(now.replace(microsecond=now.microsecond // 1000 * 1000), earliest)
        self._last_timestamp = now
        return timestamp_text(now)

    async def power_cycle(self) -> None:
        """Close the connection, come back and boot again."""
        self.accepted.clear()
        await self.link.close()
        self._boot_due.set()

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run something in the background until it ends or the station is powered off."""
        assert self._tasks is not None, "the station is not powered up"
        self._tasks.create_task(self._tolerate_failed_calls(work))

    async def _run(self, ready: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self.link.keep_connected())
            tasks.create_task(self.queue.deliver())
            if self.settings.automatic:
                tasks.create_task(self._stay_registered())
            ready.set()

    async def _stay_registered(self) -> None:
        while True:
            await self.link.online.wait()
            try:
                if self._boot_due.is_set():
                    await self._boot_until_accepted()
                await self._heartbeat_when_due()
            except (OfflineError, ConnectionLostError):
                await self.link.offline.wait()
            except (CallTimedOutError, CallRefusedError):
                await asyncio.sleep(self.settings.first_reconnect_wait * self.settings.time_scale)

    async def _boot_until_accepted(self) -> None:
        while await self.boot() != "Accepted":
            interval = self.configuration.number("HeartbeatInterval") or 10
            await asyncio.sleep(interval * self.settings.time_scale)
            if self.accepted.is_set():
                break  # a triggered BootNotification was faster
        for connector_id in self.connector_status:
            await self.report_connector(connector_id)

    async def _heartbeat_when_due(self) -> None:
        interval = max(self.configuration.number("HeartbeatInterval"), 1)
        try:
            async with asyncio.timeout(interval * self.settings.time_scale):
                await self._boot_due.wait()
        except TimeoutError:
            await self.heartbeat()

    def _called(self, call: Call) -> None:
        assert self._tasks is not None, "a connection exists only while powered up"
        self._tasks.create_task(self._tolerate_failed_calls(self._answer(call)))

    async def _answer(self, call: Call) -> None:
        received = self.ledger.command_received(
            self.station_id, call.message_id, call.action, call.payload
        )
        try:
            handler = self.handlers.get(call.action)
            if handler is None:
                raise AnswerWithCallError("NotImplemented")
            answer = await handler(self, call.payload)
        except AnswerWithCallError as refusal:
            received.error_code = refusal.code
            await self.send_raw(
                encode(CallError(call.message_id, refusal.code, refusal.description, {}))
            )
        else:
            answer = answer if isinstance(answer, Answer) else Answer(answer)
            if answer.payload is None:
                return
            received.answer = answer.payload
            await self.send_raw(encode(CallResult(call.message_id, answer.payload)))
            if answer.then is not None:
                self.spawn(answer.then())
        received.answered_at = datetime.now(UTC)

    @staticmethod
    async def _tolerate_failed_calls(work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except CallFailedError:
            return  # firmware goes on; what matters is in the queue and the ledger

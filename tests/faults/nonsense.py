"""Messages that nobody understands, put into the queues of a running suite.

To the queues of one life of a process: every golden sample of a newer version, and bodies that are
no message at all. To the work queues: items that have to be parked, each of a made-up station, and
beside some of them, in the same message, items that are answered.
"""

import asyncio
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import (
    COMMAND_API,
    COMMAND_RESULTS_QUEUE,
    REPLIES,
    SESSION_SERVICE,
    STATION_REGISTRY,
    all_queues,
    command_events_queue,
    decisions_queue,
    reports_queue,
    requests_queue,
)
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import now_ms
from tests.faults.faulty_suite import GATEWAYS
from tests.faults.suite_on_paths import SuiteOnPaths

SAMPLES = Path(__file__).parents[2] / "docs" / "messages" / "samples" / "newer"
NO_MESSAGES = (b"", b"no JSON", b"\xff\xfe", b"5", b"[]", b"{}", b'{"items": 5}', b'{"items": [5]}')
_OWNING = (STATION_REGISTRY, SESSION_SERVICE)
_OF_ONE_LIFE = (*GATEWAYS, COMMAND_API)
_ANSWERS = Queue(
    "fault-tests.neighbours.v1",
    {"x-queue-type": "classic", "x-expires": 60_000},
    (Binding(REPLIES, "neighbours.#"),),
)
_ANSWERED_WITHIN_MS = 60_000


class Nonsense:
    """Publishes such messages, as often as wanted.

    `neighbours` are the connections of items that were put beside others which have to be parked,
    `answered` those that got a reply.
    """

    def __init__(self, suite: SuiteOnPaths) -> None:
        self.neighbours: set[str] = set()
        self.answered: set[str] = set()
        self._suite = suite
        self._link = Link(suite.state().broker_url, "nonsense")
        self._publisher = Publisher(self._link)
        self._answers = Consumer(self._link, _ANSWERS, self._note, prefetch=50)
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._link.declare(_ANSWERS)
        self._running = asyncio.create_task(self._answers.run(), name="neighbours' answers")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._running is not None
        await self._answers.stop()
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._link.close()

    async def _note(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            for reply in orjson.loads(delivery.body)["items"]:
                assert reply["payload"] is not None, reply
                self.answered.add(reply["connection_id"])

    async def put_into_queues_of_one_life(self) -> int:
        """Put every kind into the queues of the gateways and of command-api; return how many."""
        lasting = {queue.name for queue in all_queues()}
        queues = [
            name
            for name in await self._suite.broker.queues()
            if name.startswith(_OF_ONE_LIFE) and name not in lasting
        ]
        bodies = [(type, (SAMPLES / f"{type}.json").read_bytes()) for type in MessageType]
        bodies += [(type, body) for type in MessageType for body in NO_MESSAGES]
        return await self._publish(
            [
                Outgoing(DEFAULT_EXCHANGE, queue, type, body)
                for queue in queues
                for type, body in bodies
            ]
        )

    async def put_into_work_queues(self) -> list[str]:
        """Put items that must be parked beside good ones; return the stations that they name."""
        stations: list[str] = []
        messages: list[Outgoing] = []
        for queue, action in (
            (decisions_queue(SESSION_SERVICE), "Authorize"),
            (reports_queue(SESSION_SERVICE), "MeterValues"),
            (decisions_queue(STATION_REGISTRY), "BootNotification"),
            (reports_queue(STATION_REGISTRY), "StatusNotification"),
        ):
            for type, name in (("calls.v1", action), ("calls.v1", "AddedLater"), ("calls.v9", "")):
                station_id = f"UNKNOWN-{secrets.token_hex(4)}"
                items: list[dict[str, object]] = [{"station_id": station_id, "added_later": True}]
                if name == "Authorize":
                    items = [self._neighbour(), *items, self._neighbour()]
                envelope = {"version": "ocpp16", "action": name, "reply_key": "neighbours.calls"}
                body = orjson.dumps({**envelope, "items": items})
                stations.append(station_id)
                messages.append(Outgoing(DEFAULT_EXCHANGE, queue.name, type, body))
        station_id = f"UNKNOWN-{secrets.token_hex(4)}"
        report = {"command_id": str(secrets.token_hex(16)), "station_id": station_id, "at_ms": 0}
        body = orjson.dumps({"gateway_id": "g", "items": [{**report, "outcome": "deferred"}]})
        messages.append(
            Outgoing(DEFAULT_EXCHANGE, COMMAND_RESULTS_QUEUE, MessageType.COMMAND_REPORTS, body)
        )
        stations.append(station_id)
        # Nobody's: requests are answered or dropped, and of events the one that can't be read.
        for service in _OWNING:
            messages += [
                Outgoing(DEFAULT_EXCHANGE, requests_queue(service).name, MessageType.REQUEST, body)
                for body in NO_MESSAGES
            ]
        mark = secrets.token_hex(4)
        messages.append(
            Outgoing(
                DEFAULT_EXCHANGE,
                command_events_queue().name,
                MessageType.EVENTS,
                orjson.dumps([{"specversion": "2.0", "added_later": mark}]),
            )
        )
        stations.append("a events.v1")
        await self._publish(messages)
        return stations

    def _neighbour(self) -> dict[str, object]:
        """Return an item that is answered, and changes nothing."""
        connection_id = f"NEIGHBOUR-{secrets.token_hex(4)}"
        self.neighbours.add(connection_id)
        now = now_ms()
        return {
            "station_id": connection_id,
            "connection_id": connection_id,
            "epoch": 1,
            "seq": 1,
            "boot_count": 1,
            "received_ms": now,
            "deadline_ms": now + _ANSWERED_WITHIN_MS,
            "payload": {"idTag": "nobody"},
        }

    async def _publish(self, messages: list[Outgoing]) -> int:
        outcomes = await self._publisher.publish_all(messages, timeout=60)
        assert not any(outcomes), [outcome for outcome in outcomes if outcome]
        return len(messages)

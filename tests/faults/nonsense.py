"""Messages that nobody understands, put into the queues of a running suite.

To the queues of one life of a process: every golden sample of a newer version, and bodies that are
no message at all. To the work queues: items that have to be parked, each of a made-up station.
"""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import (
    COMMAND_API,
    COMMAND_RESULTS_QUEUE,
    SESSION_SERVICE,
    STATION_REGISTRY,
    all_queues,
    command_events_queue,
    decisions_queue,
    reports_queue,
    requests_queue,
)
from csms_shared.contracts.message_types import MessageType
from tests.faults.faulty_suite import GATEWAYS
from tests.faults.suite_on_paths import SuiteOnPaths

SAMPLES = Path(__file__).parents[2] / "docs" / "messages" / "samples" / "newer"
NO_MESSAGES = (b"", b"no JSON", b"\xff\xfe", b"5", b"[]", b"{}", b'{"items": 5}', b'{"items": [5]}')
_OWNING = (STATION_REGISTRY, SESSION_SERVICE)
_OF_ONE_LIFE = (*GATEWAYS, COMMAND_API)


class Nonsense:
    """Publishes such messages; `put` may be called as often as wanted."""

    def __init__(self, suite: SuiteOnPaths) -> None:
        self._suite = suite
        self._link = Link(suite.state().broker_url, "nonsense")
        self._publisher = Publisher(self._link)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._link.close()

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
                item = {"station_id": station_id, "added_later": True}
                envelope = {"version": "ocpp16", "action": name, "reply_key": "nobody.calls"}
                body = orjson.dumps({**envelope, "items": [item]})
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

    async def _publish(self, messages: list[Outgoing]) -> int:
        outcomes = await self._publisher.publish_all(messages, timeout=60)
        assert not any(outcomes), [outcome for outcome in outcomes if outcome]
        return len(messages)

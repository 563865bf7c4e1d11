"""A migrated schema, and a script of station calls that writes to it as the consumers do."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_local.pytest_nodes import delete_rows
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.contracts.calls import CallReply
from csms_shared.contracts.requests import RequestItem
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.db.migrate import migrate
from csms_shared.runtime.clock import now_ms
from csms_shared.service.dispatch import dispatching
from csms_shared.service.inbox import Reply, Work
from csms_shared.service.requests_inbox import RequestsInbox
from csms_shared.values.times import format_time
from session_service.amqp.requests import requests_inbox
from session_service.batches.decisions import Decisions
from session_service.database import MIGRATIONS, SCHEMA
from session_service.routes import decision_routes, report_routes

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))

BASE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_TABLES = (
    "id_token",
    "connector",
    "transaction",
    "stop",
    "meter_value",
    "meter_value_week",
    "quarantine",
    "outbox",
    "parked",
    "reservation",
    "reservation_cancellation",
    "reservation_outage",
    "local_list",
    "local_list_content",
    "charging_profile",
    "charging_clearing",
    "reported_schedule",
    "bulk_action",
)


@pytest.fixture(scope="session")
def migrated_url(database_url: str) -> str:
    """URL of the service's role on a database with its schema."""
    role = make_url(database_url).set(username="csms_session", password="a-password")
    url = role.render_as_string(hide_password=False)
    asyncio.run(migrate(database_url, url, SCHEMA, MIGRATIONS))
    return url


@pytest.fixture
def clear(database_url: str) -> Callable[[], Awaitable[None]]:
    """Empty the tables and begin with transaction 1 again."""

    async def empty() -> None:
        owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
        try:
            await delete_rows(owner, _TABLES)
            await owner.execute(
                "SELECT setval('transaction_id', 1, false), setval('reservation_id', 1, false)"
            )
        finally:
            await owner.close()

    return empty


@pytest.fixture
def analyze(database_url: str) -> Callable[[str], Awaitable[None]]:
    """Gather the statistics of a table, as the server does in time; only its owner may."""

    async def gather(table: str) -> None:
        owner = await asyncpg.connect(database_url)
        try:
            await owner.execute(f"VACUUM ANALYZE {SCHEMA}.{table}")
        finally:
            await owner.close()

    return gather


@pytest.fixture
async def session_url(migrated_url: str, clear: Callable[[], Awaitable[None]]) -> str:
    """URL of the service's role on empty tables."""
    await clear()
    return migrated_url


@pytest.fixture
async def engine(session_url: str) -> AsyncIterator[AsyncEngine]:
    """Engine of the service's role."""
    engine = create_engine(session_url, SCHEMA, name="tests", pool_size=8)
    yield engine
    await engine.dispose()


class Records:
    """Applies calls to the schema and reads what became of them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def token(self, id_token: str, status: str = "accepted", **columns: Any) -> None:
        """Store an id token."""
        values = {"expires_at": None, "group_id": None, "max_concurrent": 1} | columns
        await self.execute(
            "INSERT INTO id_token (key, id_token, status, expires_at, group_id, max_concurrent) "
            "VALUES (:key, :id_token, :status, :expires_at, :group_id, :max_concurrent)",
            key=id_token.casefold(),
            id_token=id_token,
            status=status,
            **values,
        )

    def call(self, action: str, seq: int, payload: dict[str, Any], **fields: Any) -> Work:
        """Return a call as it comes off a queue."""
        epoch = fields.get("epoch", 1)
        station_id = fields.get("station_id", "S1")
        item = {
            "station_id": station_id,
            "connection_id": f"{station_id}-{epoch}",
            "epoch": epoch,
            "seq": seq,
            "boot_count": 1,
            "received_ms": int((BASE + timedelta(minutes=10)).timestamp() * 1000) + seq,
            "deadline_ms": now_ms() + 10_000,
            "payload": payload,
        } | {key: value for key, value in fields.items() if key != "connection_id"}
        envelope = {
            "gateway_id": "g",
            "reply_key": "g.calls",
            "version": "ocpp16",
            "action": action,
        }
        return Work("calls.v1", envelope, item)

    def start(self, seq: int = 1, **fields: Any) -> Work:
        """Return a StartTransaction."""
        payload = {
            "connectorId": fields.pop("connector_id", 1),
            "idTag": fields.pop("id_tag", "T1"),
            "meterStart": fields.pop("meter_start", 100),
            "timestamp": fields.pop("timestamp", None) or format_time(BASE),
        }
        return self.call("StartTransaction", seq, payload, **fields)

    def stop(self, seq: int = 9, transaction_id: int = 1, **fields: Any) -> Work:
        """Return a StopTransaction half an hour later."""
        payload = {
            "transactionId": transaction_id,
            "meterStop": fields.pop("meter_stop", 5100),
            "timestamp": fields.pop("timestamp", None) or format_time(BASE + timedelta(minutes=9)),
            "reason": "Local",
        }
        for name in ("idTag", "transactionData"):
            if name in fields:
                payload[name] = fields.pop(name)
        return self.call("StopTransaction", seq, payload, **fields)

    def meter_values(self, seq: int, transaction_id: int | None = 1, **fields: Any) -> Work:
        """Return a MeterValues of two samples."""
        at = BASE + timedelta(minutes=fields.pop("minutes", seq))
        payload: dict[str, Any] = {
            "connectorId": fields.pop("connector_id", 1),
            "meterValue": fields.pop("meter_value", None)
            or [
                {
                    "timestamp": format_time(at),
                    "sampledValue": [
                        {"value": str(100 + seq * 10), "unit": "Wh"},
                        {"value": "7200", "measurand": "Power.Active.Import", "unit": "W"},
                    ],
                }
            ],
        }
        if transaction_id is not None:
            payload["transactionId"] = transaction_id
        return self.call("MeterValues", seq, payload, **fields)

    async def decide(
        self, *works: Work, hold: bool = False, free_vend: bool = False
    ) -> list[dict[str, Any] | None]:
        """Apply works as the decisions queue does; the payloads of the replies."""
        decisions = Decisions(free_vend=free_vend)
        decisions.hold = hold
        apply = dispatching(decision_routes(decisions.decide))
        replies = await in_transaction(self.engine, lambda c: apply(c, works))
        return _in_order(works, replies)

    async def report(self, *works: Work) -> None:
        """Apply works as the reports queue does."""
        apply = dispatching(report_routes())
        await in_transaction(self.engine, lambda c: apply(c, works))

    async def execute(self, statement: str, **parameters: Any) -> None:
        """Run one statement."""
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), parameters)

    async def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        async with self.engine.connect() as connection:
            found = await connection.execute(text(statement), parameters)
            return [dict(row._mapping) for row in found]

    async def transactions(self) -> list[dict[str, Any]]:
        """Return all transactions by id."""
        return await self.rows("SELECT * FROM transaction ORDER BY id")

    async def events(self) -> list[dict[str, Any]]:
        """Return all events in the outbox."""
        rows = await self.rows("SELECT events FROM outbox ORDER BY id")
        return [event for row in rows for event in orjson.loads(row["events"])]


def _in_order(works: Sequence[Work], replies: Sequence[Reply]) -> list[dict[str, Any] | None]:
    payloads: dict[tuple[str, int], dict[str, Any] | None] = {}
    for reply in replies:
        assert isinstance(reply.content, CallReply)
        payloads[reply.content.connection_id, reply.content.seq] = reply.content.payload
    return [payloads.get((work.item["connection_id"], work.item["seq"])) for work in works]


@pytest.fixture
def records(engine: AsyncEngine) -> Records:
    """Calls and rows of one test."""
    return Records(engine)


@pytest.fixture
def records_of() -> Callable[[AsyncEngine], Records]:
    """Make the same for an engine of one's own."""
    return Records


class Asker:
    """Asks the inbox as a delivery would, without the broker in between."""

    def __init__(self, inbox: RequestsInbox) -> None:
        self._inbox = inbox

    async def __call__(self, operation: str, **parameters: Any) -> Any:
        """Return the result, or the problem as (status, code, fields)."""
        item = RequestItem(operation=operation, parameters=parameters)
        response = await self._inbox.respond(item)
        problem = response["problem"]
        if problem is None:
            return response["result"]
        return problem["status"], problem["code"], [error["field"] for error in problem["errors"]]


@pytest.fixture
async def link(broker_url: str) -> AsyncIterator[Link]:
    """Connection to the broker."""
    async with Link(broker_url, "tests") as link:
        yield link


@pytest.fixture
def ask(records: Records, link: Link) -> Asker:
    """Ask what REST asks."""
    publisher = Publisher(link)
    replies = Replies(publisher, lambda: publisher)
    return Asker(requests_inbox(records.engine, publisher, replies, lambda: None))

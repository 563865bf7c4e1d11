"""Calls applied to the schema as the queues do it, and the rows and events that follow."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.topology import COMMAND_ORDERS_KEY
from csms_shared.contracts.calls import CallReply
from csms_shared.contracts.event_data.checking import checked_events
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import now_ms
from csms_shared.service.dispatch import dispatching
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.times import format_time
from session_service.batches.decisions import Decisions
from session_service.routes import decision_routes, report_routes

BASE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


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

    async def answers(
        self, *works: Work, hold: bool = False, free_vend: bool = False
    ) -> list[dict[str, Any]]:
        """Apply works as the decisions queue does, of which each has to be answered."""
        replies = await self.decide(*works, hold=hold, free_vend=free_vend)
        answered = [reply for reply in replies if reply is not None]
        assert len(answered) == len(works)
        return answered

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
        rows = await self.rows(
            "SELECT events FROM outbox WHERE routing_key <> :orders ORDER BY id",
            orders=COMMAND_ORDERS_KEY,
        )
        return [event for row in rows for event in checked_events(row["events"])]


def _in_order(works: Sequence[Work], replies: Sequence[Reply]) -> list[dict[str, Any] | None]:
    payloads: dict[tuple[str, int], dict[str, Any] | None] = {}
    for reply in replies:
        assert isinstance(reply.content, CallReply)
        payloads[reply.content.connection_id, reply.content.seq] = reply.content.payload
    return [payloads.get((work.item["connection_id"], work.item["seq"])) for work in works]

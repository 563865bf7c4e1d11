"""A central system on the package `ocpp`, with one statement and commit per message."""

# mypy: disable-error-code="misc, untyped-decorator"
# The package `ocpp` counts as untyped: its base class and its decorators are Any.

from datetime import UTC, datetime
from typing import Any

import asyncpg
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus

HEARTBEAT_INTERVAL = 300


class Station(ChargePoint):
    """One connected station."""

    def __init__(self, station_id: str, connection: Any, pool: "asyncpg.Pool[Any]") -> None:
        super().__init__(station_id, connection)
        self._pool = pool

    @on(Action.boot_notification)
    async def on_boot(
        self, charge_point_vendor: str, charge_point_model: str, **_: Any
    ) -> call_result.BootNotification:
        """Remember the station."""
        await self._pool.execute(
            "INSERT INTO station VALUES ($1, $2, $3, now()) ON CONFLICT (station_id)"
            " DO UPDATE SET vendor = $2, model = $3, last_seen_at = now()",
            self.id,
            charge_point_vendor,
            charge_point_model,
        )
        return call_result.BootNotification(
            current_time=_now(), interval=HEARTBEAT_INTERVAL, status=RegistrationStatus.accepted
        )

    @on(Action.heartbeat)
    async def on_heartbeat(self) -> call_result.Heartbeat:
        """Note that the station is alive."""
        await self._pool.execute(
            "UPDATE station SET last_seen_at = now() WHERE station_id = $1", self.id
        )
        return call_result.Heartbeat(current_time=_now())

    @on(Action.status_notification)
    async def on_status(
        self,
        connector_id: int,
        error_code: str,
        status: str,
        timestamp: str | None = None,
        **_: Any,
    ) -> call_result.StatusNotification:
        """Store a connector's status."""
        await self._pool.execute(
            "INSERT INTO status_notification"
            " (station_id, connector_id, status, error_code, reported_at)"
            " VALUES ($1, $2, $3, $4, $5)",
            self.id,
            connector_id,
            status,
            error_code,
            _time(timestamp),
        )
        return call_result.StatusNotification()

    @on(Action.authorize)
    async def on_authorize(self, id_tag: str) -> call_result.Authorize:
        """Look the token up."""
        return call_result.Authorize(id_tag_info=await self._token_info(id_tag))

    @on(Action.start_transaction)
    async def on_start(
        self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any
    ) -> call_result.StartTransaction:
        """Store the start and hand out its id."""
        transaction_id = await self._pool.fetchval(
            "INSERT INTO transaction (station_id, connector_id, id_token, meter_start, started_at)"
            " VALUES ($1, $2, $3, $4, $5) RETURNING transaction_id",
            self.id,
            connector_id,
            id_tag,
            meter_start,
            _time(timestamp),
        )
        return call_result.StartTransaction(
            transaction_id=transaction_id, id_tag_info=await self._token_info(id_tag)
        )

    @on(Action.meter_values)
    async def on_meter_values(
        self,
        connector_id: int,
        meter_value: list[dict[str, Any]],
        transaction_id: int | None = None,
    ) -> call_result.MeterValues:
        """Store every sample in one commit."""
        await self._pool.executemany(
            "INSERT INTO meter_value (transaction_id, station_id, connector_id, sampled_at,"
            " measurand, phase, context, unit, value) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                (
                    transaction_id,
                    self.id,
                    connector_id,
                    _time(taken["timestamp"]),
                    sampled.get("measurand"),
                    sampled.get("phase"),
                    sampled.get("context"),
                    sampled.get("unit"),
                    sampled["value"],
                )
                for taken in meter_value
                for sampled in taken["sampled_value"]
            ],
        )
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    async def on_stop(
        self,
        transaction_id: int,
        meter_stop: int,
        timestamp: str,
        reason: str | None = None,
        **_: Any,
    ) -> call_result.StopTransaction:
        """Store the end."""
        await self._pool.execute(
            "UPDATE transaction SET meter_stop = $2, stopped_at = $3, stop_reason = $4"
            " WHERE transaction_id = $1",
            transaction_id,
            meter_stop,
            _time(timestamp),
            reason,
        )
        return call_result.StopTransaction()

    async def _token_info(self, id_tag: str) -> IdTagInfo:
        status = await self._pool.fetchval(
            "SELECT status FROM id_token WHERE id_token = $1", id_tag
        )
        return IdTagInfo(status=AuthorizationStatus(status or "Invalid"))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _time(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.now(UTC)

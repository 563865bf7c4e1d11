"""A station made of the PyPI package `ocpp` and `websockets`, neither of them ours."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import (
    Action,
    AvailabilityStatus,
    ClearCacheStatus,
    ConfigurationStatus,
    DataTransferStatus,
    RemoteStartStopStatus,
    ResetStatus,
    UnlockStatus,
)

from tests.admitted import admitted


def now() -> str:
    """The time as the package's users write it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class ThirdPartyStation(ChargePoint):  # type: ignore[misc]
    """Answers what a central system of 1.6 Core may ask, and remembers it."""

    def __init__(self, station_id: str, connection: websockets.ClientConnection) -> None:
        super().__init__(station_id, connection)
        self.asked: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self.keys = {"HeartbeatInterval": "300", "MeterValueSampleInterval": "60"}

    def _note(self, action: str, **payload: Any) -> None:
        self.asked.put_nowait((action, payload))

    @on(Action.remote_start_transaction)  # type: ignore[untyped-decorator]
    def on_remote_start(self, id_tag: str, **more: Any) -> call_result.RemoteStartTransaction:
        self._note("RemoteStartTransaction", id_tag=id_tag, **more)
        return call_result.RemoteStartTransaction(status=RemoteStartStopStatus.accepted)

    @on(Action.remote_stop_transaction)  # type: ignore[untyped-decorator]
    def on_remote_stop(self, transaction_id: int) -> call_result.RemoteStopTransaction:
        self._note("RemoteStopTransaction", transaction_id=transaction_id)
        return call_result.RemoteStopTransaction(status=RemoteStartStopStatus.accepted)

    @on(Action.reset)  # type: ignore[untyped-decorator]
    def on_reset(self, type: str) -> call_result.Reset:
        self._note("Reset", type=type)
        return call_result.Reset(status=ResetStatus.accepted)

    @on(Action.unlock_connector)  # type: ignore[untyped-decorator]
    def on_unlock(self, connector_id: int) -> call_result.UnlockConnector:
        self._note("UnlockConnector", connector_id=connector_id)
        return call_result.UnlockConnector(status=UnlockStatus.unlocked)

    @on(Action.change_availability)  # type: ignore[untyped-decorator]
    def on_change_availability(
        self, connector_id: int, type: str
    ) -> call_result.ChangeAvailability:
        self._note("ChangeAvailability", connector_id=connector_id, type=type)
        return call_result.ChangeAvailability(status=AvailabilityStatus.accepted)

    @on(Action.clear_cache)  # type: ignore[untyped-decorator]
    def on_clear_cache(self) -> call_result.ClearCache:
        self._note("ClearCache")
        return call_result.ClearCache(status=ClearCacheStatus.accepted)

    @on(Action.data_transfer)  # type: ignore[untyped-decorator]
    def on_data_transfer(self, vendor_id: str, **more: Any) -> call_result.DataTransfer:
        self._note("DataTransfer", vendor_id=vendor_id, **more)
        return call_result.DataTransfer(status=DataTransferStatus.accepted, data="pong")

    @on(Action.change_configuration)  # type: ignore[untyped-decorator]
    def on_change_configuration(self, key: str, value: str) -> call_result.ChangeConfiguration:
        self._note("ChangeConfiguration", key=key, value=value)
        if key not in self.keys:
            return call_result.ChangeConfiguration(status=ConfigurationStatus.not_supported)
        self.keys[key] = value
        return call_result.ChangeConfiguration(status=ConfigurationStatus.accepted)

    @on(Action.get_configuration)  # type: ignore[untyped-decorator]
    def on_get_configuration(self, key: list[str] | None = None) -> call_result.GetConfiguration:
        wanted = key or list(self.keys)
        return call_result.GetConfiguration(
            configuration_key=[
                {"key": name, "readonly": False, "value": self.keys[name]}
                for name in wanted
                if name in self.keys
            ],
            unknown_key=[name for name in wanted if name not in self.keys],
        )

    async def boot(self) -> call_result.BootNotification:
        """Send BootNotification and return the answer."""
        return await self.call(
            call.BootNotification(charge_point_model="Third", charge_point_vendor="Party")
        )


@contextlib.asynccontextmanager
async def third_party_station(ocpp_url: str, station_id: str) -> AsyncIterator[ThirdPartyStation]:
    """Connect, boot, and answer until the block is left."""
    async with admitted(f"{ocpp_url}/{station_id}") as socket:
        station = ThirdPartyStation(station_id, socket)
        reader = asyncio.create_task(station.start())
        try:
            yield station
        finally:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, websockets.ConnectionClosed):
                await reader

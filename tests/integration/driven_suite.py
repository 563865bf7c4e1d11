"""What stations and operators do so that the suite has something to tell of each kind."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from csms_local.run_state import RunState
from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.admitted import admitted
from tests.integration.third_party import now
from tests.integration.waiting import eventually

PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "ChargePointMaxProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-01-01T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20.5}],
    },
}
SAMPLED = [
    {"value": "1.5", "unit": "kWh", "context": "Sample.Periodic"},
    {"value": "11", "measurand": "Power.Active.Import", "unit": "kW"},
    {"value": "40", "measurand": "SoC", "unit": "Percent", "location": "EV"},
]


class Driver:
    """Does one thing after the other, on behalf of one operator and one station."""

    def __init__(self, run: RunState, operator: Operator, station_id: str, id_token: str) -> None:
        self._run = run
        self._operator = operator
        self._id_token = id_token
        self._updates = asyncio.Semaphore(0)
        self.station_id = station_id
        self.site_id = f"site-{station_id}"
        self.tenant_id = f"tenant-{station_id.lower()}"

    async def places(self) -> None:
        """A site and a tenant come and change, and a site goes."""
        site = {
            "site_id": self.site_id,
            "name": "Harbour",
            "latitude": 53.5,
            "longitude": 10,
            "opening_hours": {
                "regular_hours": [{"weekday": 1, "period_begin": "06:00", "period_end": "22:00"}]
            },
        }
        await self._asked("POST", "/sites", site)
        await self._asked("PATCH", f"/sites/{self.site_id}", {"name": "Old harbour"})
        await self._asked("POST", "/sites", {"site_id": f"{self.site_id}-2", "name": "Gone"})
        await self._asked("DELETE", f"/sites/{self.site_id}-2")
        await self._asked("POST", "/tenants", {"tenant_id": self.tenant_id, "name": "North"})
        await self._asked("PATCH", f"/tenants/{self.tenant_id}", {"max_stations": 5})

    async def tokens(self) -> None:
        """An id token is blocked and goes."""
        token = f"{self._id_token}2"
        await self._asked("POST", "/id-tokens", {"id_token": token, "group_id": "FLEET"})
        await self._asked("POST", f"/id-tokens/{token}/block")
        await self._asked("DELETE", f"/id-tokens/{token}")

    async def station(self) -> None:
        """A station is made, charges, does as it is told, moves and goes."""
        body = {"station_id": self.station_id, "site_id": self.site_id, "tags": ["public"]}
        await self._asked("POST", "/stations", body)
        settings, handlers = StationSettings(automatic=False), {"UpdateFirmware": self._update}
        async with SimulatedStation(
            self.station_id, self._run.ocpp_url, settings=settings, handlers=handlers
        ) as station:
            await station.link.online.wait()
            await station.boot()
            await self._says(station)
            await self._charges(station)
            await self._is_closed_by_hand(station)
            await self._obeys(station)
            await self._is_reserved(station)
            await self._updates_its_firmware(station)
            path = f"/stations/{self.station_id}/tenant"
            await self._asked("PUT", path, {"tenant_id": self.tenant_id})
        moved = {"X-Tenant": self.tenant_id}
        await self._asked("DELETE", f"/stations/{self.station_id}", headers=moved)

    async def refused(self) -> None:
        """Somebody tries to pass for a station."""
        name = f"{self.station_id}-2"
        await self._asked("POST", "/stations", {"station_id": name, "password": "0123456789abcdef"})
        path = f"{self._run.ocpp_url}/{name}"
        with pytest.raises(InvalidStatus):
            async with admitted(path, additional_headers={"Authorization": "Basic QTpC"}):
                pass

    async def _says(self, station: BareStation) -> None:
        await station.report_connector(1, "Available")
        await station.report_connector(1, "Faulted")
        # Of states that come within a moment only the newest may be told.
        await eventually(lambda: self._state_of(1), lambda state: state == "Faulted", 60)
        await station.report_connector(1, "Available")
        transfer = {"vendorId": "Maker", "messageId": "diag", "data": '{"fan": 1}'}
        await station.call("DataTransfer", transfer)
        event = {"type": "TamperDetectionActivated", "timestamp": now(), "techInfo": "cover"}
        await station.call("SecurityEventNotification", event)

    async def _state_of(self, connector_id: int) -> str | None:
        listed = (await self._operator.get(f"/stations/{self.station_id}"))["connectors"]
        states = {one["connector_id"]: str(one["status"]) for one in listed}
        return states.get(connector_id)

    async def _starts(self, station: BareStation, meter_start: int) -> int:
        start = {
            "connectorId": 1,
            "idTag": self._id_token,
            "meterStart": meter_start,
            "timestamp": now(),
        }
        return int((await station.call("StartTransaction", start))["transactionId"])

    async def _charges(self, station: BareStation) -> None:
        number = await self._starts(station, 1000)
        values = [{"timestamp": now(), "sampledValue": SAMPLED}]
        meter_values = {"connectorId": 1, "transactionId": number, "meterValue": values}
        await station.call("MeterValues", meter_values)
        # Of a transaction that has ended nothing newest is told.
        path = f"/transactions/{number}"
        await self._shows(path, lambda found: found["live"]["measured_at"] is not None)
        stop = {"transactionId": number, "meterStop": 2600, "timestamp": now()}
        await station.call("StopTransaction", stop | {"idTag": self._id_token, "reason": "Local"})
        await self._becomes(path, "completed")
        await station.call("StopTransaction", stop | {"transactionId": 2_000_000_000})

    async def _is_closed_by_hand(self, station: BareStation) -> None:
        number = await self._starts(station, 2600)
        closing = {"meter_stop": 2700, "reason": "the stop was lost"}
        await self._asked("POST", f"/transactions/{number}/close", closing)
        stop = {"transactionId": number, "meterStop": 2800, "timestamp": now()}
        await station.call("StopTransaction", stop)

    async def _obeys(self, station: BareStation) -> None:
        commands: tuple[tuple[str, Payload], ...] = (
            ("ClearCache", {}),
            ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "300"}),
            ("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": PROFILE}),
            ("ClearChargingProfile", {"id": 1}),
        )
        for action, payload in commands:
            ended = await self._operator.command(self.station_id, action, payload)
            assert ended["accepted"] is True, ended
        group = {"action": "ClearCache", "payload": {}, "to": {"station_ids": [self.station_id]}}
        await self._asked("POST", "/command-groups", group)

    async def _is_reserved(self, station: BareStation) -> None:
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
        wanted = {"station_id": self.station_id, "connector_id": 1, "id_token": self._id_token}
        made = await self._asked("POST", "/reservations", wanted | {"expires_at": until})
        path = f"/reservations/{made['reservation_id']}"
        await self._becomes(path, "active")
        await self._asked("POST", f"{path}/cancel")
        await self._becomes(path, "cancelled")

    async def _updates_its_firmware(self, station: BareStation) -> None:
        rollout = {
            "name": "2.0",
            "location": "https://firmware.example/2.0",
            "station_ids": [self.station_id],
            "concurrency": 1,
        }
        made = await self._asked("POST", "/firmware-rollouts", rollout)
        async with asyncio.timeout(30):
            await self._updates.acquire()
        for status in ("Downloading", "Installed"):
            await station.call("FirmwareStatusNotification", {"status": status})
        await self._becomes(f"/firmware-rollouts/{made['rollout_id']}", "completed")

    async def _update(self, station: BareStation, request: Payload) -> Answer:
        self._updates.release()
        return Answer({})

    async def _becomes(self, path: str, status: str) -> None:
        await self._shows(path, lambda found: found["status"] == status)

    async def _shows(self, path: str, holds: Callable[[Payload], bool]) -> None:
        async def read() -> Payload:
            found: Payload = await self._operator.get(path)
            return found

        await eventually(read, holds, 60)

    async def _asked(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        response = await self._operator.http.request(method, path, json=body, headers=headers)
        assert response.is_success, response.text
        with contextlib.suppress(ValueError):
            return response.json()

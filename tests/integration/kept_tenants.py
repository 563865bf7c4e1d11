"""Two tenants with what is theirs, made before a backup and looked at after its restore."""

import secrets
from typing import Any, Self

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from csms_simulator.check import settled_differences
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.conformance.played_station import connected

SETTINGS = StationSettings(first_reconnect_wait=0.3, longest_reconnect_wait=2.0)
SHORT = SessionPlan(samples=2, sample_interval=0.1)
_PASSWORD = "a password of the north"


class KeptTenants:
    """`north` has a site, a user, and a station that has charged; `south` is suspended."""

    def __init__(self, ledger: Ledger, key: dict[str, str], shown: dict[str, Any]) -> None:
        self._ledger = ledger
        self._key = key
        self._shown = shown

    @classmethod
    async def make(cls, run: Any) -> Self:
        """Make them, and let the station of one charge."""
        async with Operator(run.rest_url, run.admin_username, run.admin_password) as platform:
            for tenant in ("north", "south"):
                body = {"tenant_id": tenant, "name": tenant, "max_stations": 3}
                await _posted(platform, "/tenants", body)
        async with _acting(run, "north") as north, _acting(run, "south") as south:
            await _posted(north, "/sites", {"site_id": "quay", "name": "Quay", "country": "DE"})
            await _posted(north, "/stations", {"station_id": "OF-NORTH", "site_id": "quay"})
            await _posted(south, "/stations", {"station_id": "OF-SOUTH"})
            user = {"username": "nora", "password": _PASSWORD, "role": "operator"}
            await _posted(north, "/users", user)
            key = await _posted(north, "/api-keys", {"name": "robot", "role": "admin"})
            suspended = await north.http.patch("/tenants/south", json={"status": "suspended"})
            assert suspended.status_code == 200, suspended.text
            ledger = Ledger()
            async with SimulatedStation("OF-NORTH", run.ocpp_url, ledger, SETTINGS) as station:
                await station.wait_accepted(60)
                token = secrets.token_hex(7).upper()
                await north.ensure_id_token(token)
                await run_session(station, 1, token, SHORT)
            assert await settled_differences(north, ledger, within=60) == []
            header = {"X-API-Key": key["key"]}
            return cls(ledger, header, await _shown(run, header))

    async def are_as_they_were(self, run: Any) -> None:
        """Look at them through REST, and at the door of stations."""
        assert await _shown(run, self._key) == self._shown
        async with _acting(run, "north") as north:
            assert await settled_differences(north, self._ledger, within=60) == []
            page = await north.get("/tenants")
            assert {one["tenant_id"]: one["status"] for one in page["items"]} == {
                "default": "active",
                "north": "active",
                "south": "suspended",
            }
        async with Operator(run.rest_url, "nora", _PASSWORD) as nora:
            assert [one["station_id"] for one in await nora.items("/stations")] == ["OF-NORTH"]
        async with Operator(run.rest_url, run.admin_username, run.admin_password) as default:
            listed = {one["station_id"] for one in await default.items("/stations")}
            assert not listed & {"OF-NORTH", "OF-SOUTH"}
        with pytest.raises(InvalidStatus) as refused:
            async with connected(run.ocpp_url, "OF-SOUTH"):
                pass
        assert refused.value.response.status_code == 403


def _acting(run: Any, tenant_id: str) -> Operator:
    return Operator(run.rest_url, run.admin_username, run.admin_password, tenant_id=tenant_id)


async def _posted(operator: Operator, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await operator.http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _shown(run: Any, headers: dict[str, str]) -> dict[str, Any]:
    """Return what the tenant's administrator reads, but for who is connected."""
    async with httpx.AsyncClient(
        base_url=f"{run.rest_url}/api/v1", headers=headers, trust_env=False, timeout=30
    ) as client:
        paths = ("/sites", "/users", "/api-keys", "/transactions", "/id-tokens", "/audit")
        shown = {path: (await client.get(path)).json()["items"] for path in paths}
        stations = (await client.get("/stations")).json()["items"]
    assert all(shown.values())
    # What a session costs is found out beside all else, and may be known a moment later.
    shown["/transactions"] = [{**one, "cost": None} for one in shown["/transactions"]]
    shown["stations"] = [(one["station_id"], one["site_id"]) for one in stations]
    return shown

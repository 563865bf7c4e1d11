"""What operators do at the demo's stations through REST; what an earlier run has done stays."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from csms_simulator.answers.reservations import reserve_now
from csms_simulator.demo import firmware
from csms_simulator.demo.charger import DemoStation, show_reserved
from csms_simulator.demo.network import (
    EMPLOYEES,
    FAILING,
    KONTOR,
    LIMITED,
    LISTED,
    NOT_UPDATED,
    OFFLINE,
    OPERATORS_CARD,
    REJECTING,
    RESERVED,
    RESERVING_CARD,
    STARTED_BY_OPERATOR,
    UPDATED,
    UPLOADING,
)
from csms_simulator.operator import Operator
from csms_simulator.wire import timestamp_text

TEMPLATE = "Nordlade street"
ROLLOUT = f"Nordlade {firmware.VERSION}"
_RESERVED_FOR = timedelta(hours=6)
_HELD_FOR = timedelta(days=2)
_LIMIT_A = 120.0
_UNKNOWN_TRANSACTION = 1_999_999_999
_PATIENCE_S = 60.0
_LOOK_AGAIN_S = 0.5


async def start_remotely(operator: Operator, _: Mapping[str, DemoStation]) -> None:
    """Let somebody charge who has called."""
    station_id, connector = STARTED_BY_OPERATOR
    request = {"connectorId": connector, "idTag": OPERATORS_CARD.id_token}
    await operator.command(station_id, "RemoteStartTransaction", request)


async def limit_a_station(operator: Operator, _: Mapping[str, DemoStation]) -> None:
    """Keep a station below what its site has."""
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "startSchedule": "2026-01-01T00:00:00Z",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": _LIMIT_A}],
        },
    }
    request = {"connectorId": 0, "csChargingProfiles": profile}
    await operator.command(LIMITED, "SetChargingProfile", request)


async def ask_in_vain(operator: Operator, _: Mapping[str, DemoStation]) -> None:
    """Ask for what a station rejects, and for what another one answers with an error."""
    if await operator.items("/commands", station_id=FAILING, action="ClearCache"):
        return
    unknown = {"transactionId": _UNKNOWN_TRANSACTION}
    await operator.command(REJECTING, "RemoteStopTransaction", unknown)
    await operator.command(FAILING, "ClearCache", {})


async def hold_a_command(operator: Operator) -> None:
    """Leave a command for a station that is switched off."""
    if await operator.items("/commands", station_id=OFFLINE, status="waiting"):
        return
    until = timestamp_text(datetime.now(UTC) + _HELD_FOR)
    await operator.command(OFFLINE, "Reset", {"type": "Soft"}, hold_until=until, wait=0)


async def keep_a_local_list(operator: Operator, _: Mapping[str, DemoStation]) -> None:
    """Have a station know the employees when it is offline."""
    path = f"/stations/{quote(LISTED)}/local-list"
    response = await operator.http.put(path, json={"group_ids": [EMPLOYEES]})
    response.raise_for_status()

    async def in_sync() -> bool:
        return bool((await operator.get(path))["status"] == "in_sync")

    await _until(in_sync)


async def reserve(operator: Operator, stations: Mapping[str, DemoStation]) -> None:
    """Keep a connector for somebody; a station that restarts still has what it held."""
    station_id, connector = RESERVED
    held = await operator.items("/reservations", station_id=station_id, status="active")
    for reservation in held:
        station = stations[station_id]
        kept = {
            "connectorId": connector,
            "expiryDate": reservation["expires_at"],
            "idTag": reservation["id_token"],
            "reservationId": reservation["station_reservation_id"],
        }
        await reserve_now(station, kept)
        station.spawn(show_reserved(station, kept))
    if held:
        return
    made = await operator.post(
        "/reservations",
        {
            "station_id": station_id,
            "connector_id": connector,
            "id_token": RESERVING_CARD.id_token,
            "expires_at": timestamp_text(datetime.now(UTC) + _RESERVED_FOR),
        },
    )
    path = f"/reservations/{made['reservation_id']}"

    async def answered() -> bool:
        return bool((await operator.get(path))["status"] != "pending")

    await _until(answered)


async def configure(operator: Operator, _: Mapping[str, DemoStation]) -> None:
    """Give all stations of a model the same configuration."""
    if any(known["name"] == TEMPLATE for known in await operator.items("/configuration-templates")):
        return
    template = await operator.post(
        "/configuration-templates",
        {
            "name": TEMPLATE,
            "vendor": KONTOR.vendor,
            "model": KONTOR.name,
            "values": {"HeartbeatInterval": "120", "ConnectionTimeOut": "45"},
        },
    )
    path = f"/configuration-templates/{template['template_id']}"

    async def as_wanted() -> bool:
        # What was never read is read first, and set by the next one.
        applied = await operator.post(f"{path}/apply", {})
        return not applied["unread"] and not applied["command_ids"]

    await _until(as_wanted)


async def update_firmware(operator: Operator, stations: Mapping[str, DemoStation]) -> None:
    """Roll a firmware out, which one of the stations can't install."""
    rollouts = await operator.items("/firmware-rollouts")
    if any(known["name"] == ROLLOUT for known in rollouts):
        return
    async with firmware.served() as location:
        made = await operator.post(
            "/firmware-rollouts",
            {
                "name": ROLLOUT,
                "location": location,
                "station_ids": [*UPDATED, NOT_UPDATED],
                "concurrency": 2,
                "stop_after_failures": None,
            },
        )
        path = f"/firmware-rollouts/{made['rollout_id']}"

        async def over() -> bool:
            return bool((await operator.get(path))["status"] == "completed")

        await _until(over)


async def fetch_diagnostics(operator: Operator, _: Mapping[str, DemoStation]) -> None:
    """Have a station upload what it knows of itself."""
    if await operator.items("/jobs", station_id=UPLOADING, kind="diagnostics"):
        return
    job = await operator.post(f"/stations/{quote(UPLOADING)}/diagnostics-jobs", {})
    path = f"/jobs/{job['job_id']}"

    async def over() -> bool:
        return bool((await operator.get(path))["status"] in ("succeeded", "failed"))

    await _until(over)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in the suite
            await asyncio.sleep(_LOOK_AGAIN_S)


# The names are for what is printed of one that does not work.
ALL = {
    "a reservation": reserve,
    "a remote start": start_remotely,
    "a charging profile": limit_a_station,
    "commands in vain": ask_in_vain,
    "a local list": keep_a_local_list,
    "a configuration template": configure,
    "a firmware rollout": update_firmware,
    "a diagnostics upload": fetch_diagnostics,
}

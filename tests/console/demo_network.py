"""The suite with the demo's network in it, alive while the tests look."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from csms_local.suite import Suite
from csms_simulator.demo.network import LISTED
from csms_simulator.operator import Operator
from tests.integration.waiting import eventually

_DEMO = Path(sys.executable).parent / "csms-demo"
_WITHIN_S = 300.0
# Whatever has no such thing in the demo is looked at as what is not there.
NOT_THERE = "00000000-0000-4000-8000-000000000000"


@asynccontextmanager
async def demo_network(suite: Suite) -> AsyncIterator[None]:
    """Let the demo run from when every incident has happened, until the end."""
    log = suite.home / "demo.log"
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            str(_DEMO),
            env={**os.environ, "CSMS_HOME": str(suite.home)},
            stdout=output,
            stderr=output,
        )
    run = suite.state()
    try:
        async with Operator(run.rest_url, run.admin_username, run.admin_password) as operator:
            for path in (
                "/transactions",
                "/refusals",
                "/quarantine",
                "/firmware-rollouts",
                "/certificates",
                "/cdrs",
            ):
                await eventually(_some(operator, path), bool, _WITHIN_S)
            await eventually(_has_local_list(operator), bool, _WITHIN_S)
            charging = _some(operator, "/transactions", status="active")
            await eventually(charging, bool, _WITHIN_S)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), 60)
        except TimeoutError:
            process.kill()
            await process.wait()


def _some(operator: Operator, path: str, **query: str | int) -> Callable[[], Awaitable[list[Any]]]:
    async def items() -> list[Any]:
        page: list[Any] = (await operator.get(path, limit=1, **query))["items"]
        return page

    return items


def _has_local_list(operator: Operator) -> Callable[[], Awaitable[bool]]:
    async def is_there() -> bool:
        return (await operator.http.get(f"/stations/{LISTED}/local-list")).is_success

    return is_there


async def things_of(operator: Operator) -> dict[str, str]:
    """Return one value for each parameter of the console's pages."""
    (transaction,) = (await operator.get("/transactions", status="active", limit=1))["items"]
    station_id = transaction["station_id"]

    # The demo sends no command to many.
    group = await operator.http.post(
        "/command-groups",
        json={
            "action": "TriggerMessage",
            "payload": {"requestedMessage": "Heartbeat"},
            "to": {"station_ids": [station_id]},
        },
    )
    group.raise_for_status()

    async def first(path: str, key: str, **query: str | int) -> str:
        items = (await operator.get(path, limit=1, **query))["items"]
        return str(items[0][key]) if items else NOT_THERE

    return {
        "station_id": station_id,
        "listed_station_id": LISTED,
        "transaction_id": str(transaction["transaction_id"]),
        "id_token": transaction["id_token"],
        "action": "Reset",
        "site_id": await first("/sites", "site_id"),
        "refusal_id": await first("/refusals", "id"),
        "reservation_id": await first("/reservations", "reservation_id"),
        "command_id": await first("/commands", "command_id"),
        "group_id": group.json()["command_group_id"],
        "rollout_id": await first("/firmware-rollouts", "rollout_id"),
        "job_id": await first("/jobs", "job_id"),
        "template_id": await first("/configuration-templates", "template_id"),
        "certificate_id": await first("/certificates", "certificate_id"),
        "username": "admin",
        "tenant_id": "default",
    }

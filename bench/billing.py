"""What billing does with the sessions of a load: how fast it settles them and tells costs."""

import asyncio
import time
from typing import Any

import asyncpg
import httpx

from bench.systems import System

PAGE = 500
_PAGES = 20
_SETTLES_WITHIN_S = 600.0
_LOOK_EVERY_S = 0.5
_NAME = "bench"
# What most operators have: energy, time and parking, by day and by night.
_TARIFF = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [
                {"type": "FLAT", "price": 0.5, "vat": 19, "step_size": 1},
                {"type": "ENERGY", "price": 0.49, "vat": 19, "step_size": 1},
                {"type": "PARKING_TIME", "price": 2.4, "vat": 19, "step_size": 60},
            ],
            "restrictions": {"start_time": "06:00", "end_time": "22:00"},
        },
        {
            "price_components": [
                {"type": "FLAT", "price": 0.5, "vat": 19, "step_size": 1},
                {"type": "ENERGY", "price": 0.39, "vat": 19, "step_size": 1},
            ]
        },
    ],
}
_WAITING = "SELECT count(*) FROM billing.session WHERE due_at IS NOT NULL"
_SETTLED = """
    SELECT count(*), extract(epoch FROM max(created_at) - min(created_at))::float8
    FROM billing.bill WHERE created_at >= to_timestamp($1)
"""
# Ended, and not known to billing yet, or not as it ended.
_UNKNOWN = """
    SELECT count(*) FROM session.transaction t
    LEFT JOIN billing.session s ON s.tenant_id = t.tenant_id AND s.transaction_id = t.id
    WHERE t.status = 'completed' AND (s.revision IS NULL OR s.revision < 1)
"""


async def have_a_tariff(system: System) -> None:
    """Assign a tariff to the whole tenant, unless that is done."""
    async with _rest(system) as rest:
        if (await rest.get("tariff-assignments")).raise_for_status().json()["items"]:
            return
        made = await rest.post("tariffs", json={"name": _NAME, "tariff": _TARIFF})
        tariff_id = made.raise_for_status().json()["tariff_id"]
        assigned = await rest.post("tariff-assignments", json={"tariff_id": tariff_id})
        assigned.raise_for_status()


async def settling(system: System, began_at: float, *, waited: bool) -> dict[str, Any]:
    """Wait until all that has ended is billed; say how fast, and how fast a page has its costs.

    `waited`: billing was away meanwhile, so that all came at once. `began_at`: Unix time.
    """
    connection = await asyncpg.connect(system.database_url)
    try:
        give_up_at = time.monotonic() + _SETTLES_WITHIN_S
        while await connection.fetchval(_UNKNOWN) or await connection.fetchval(_WAITING):
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"not all is billed after {_SETTLES_WITHIN_S:.0f} s")
            await asyncio.sleep(_LOOK_EVERY_S)
        row = await connection.fetchrow(_SETTLED, began_at)
    finally:
        await connection.close()
    assert row is not None
    settled, took = row
    result: dict[str, Any] = {"bills": settled, "page_ms": await _page_ms(system)}
    if waited and took:
        result["settled_per_s"] = settled / took
    return result


async def _page_ms(system: System) -> float:
    """Return how long a page of transactions takes with its costs, the median."""
    took = []
    async with _rest(system) as rest:
        for _ in range(_PAGES):
            began = time.perf_counter()
            answer = await rest.get("transactions", params={"limit": PAGE})
            took.append((time.perf_counter() - began) * 1000)
            items = answer.raise_for_status().json()["items"]
            if any(one["cost"] is None for one in items if one["status"] == "completed"):
                raise AssertionError("a transaction that has ended has no cost")
    return sorted(took)[len(took) // 2]


def _rest(system: System) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{system.rest_url}/api/v1/",
        headers={"Authorization": system.authorization},
        timeout=60,
        trust_env=False,
    )

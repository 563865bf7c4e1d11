"""Sessions and tariffs that tests tell in few words."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.models.billing_oracle.totals import Cost

Leg = tuple[float, float]  # minutes, and Wh taken in them


def session(
    start: str, *legs: Leg, zone: str = "UTC", status: Sequence[tuple[float, str]] = ()
) -> dict[str, Any]:
    """Tell a session that starts at a local time, with a reading after each leg.

    `status` are minutes from the start, and what the station says then.
    """
    at = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    started_at, energy = at, 100_000.0
    readings = []
    for minutes, watt_hours in legs:
        at += timedelta(minutes=minutes)
        energy = round(energy + watt_hours, 4)
        readings.append({"at": at.isoformat(), "energy_wh": energy})
    return {
        "started_at": started_at.isoformat(),
        "stopped_at": at.isoformat(),
        "time_zone": zone,
        "meter_start": 100_000,
        "meter_stop": energy,
        "readings": readings,
        "status": [
            {"at": (started_at + timedelta(minutes=minutes)).isoformat(), "status": said}
            for minutes, said in status
        ],
    }


def price(kind: str, amount: float, vat: float | None = None, step_size: int = 1) -> dict[str, Any]:
    """Tell a price component."""
    component = {"type": kind, "price": amount, "step_size": step_size}
    return component if vat is None else component | {"vat": vat}


def element(*components: dict[str, Any], **restrictions: object) -> dict[str, Any]:
    """Tell a tariff element."""
    return {"price_components": list(components), "restrictions": restrictions}


def tariff(*elements: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Tell a tariff, in euros unless it is said otherwise."""
    return {"currency": "EUR", "elements": list(elements), **fields}


def totals(cost: Cost) -> tuple[str, str]:
    """Give the totals without and with VAT as people write them."""
    return f"{float(cost['total_excl_vat']):.2f}", f"{float(cost['total_incl_vat']):.2f}"


def amounts(cost: Cost) -> dict[str, float]:
    """Give the amount of each type without VAT; the adjusting line is left out."""
    return {
        kind: float(lines["excl_vat"])
        for kind, lines in cost["lines"].items()
        if kind != "ADJUSTMENT"
    }


def quantity(cost: Cost, kind: str) -> float:
    """Give what is billed of a type: kWh or minutes."""
    billed = cost["lines"][kind]["quantity"]
    return float(billed if kind == "ENERGY" else billed * 60)

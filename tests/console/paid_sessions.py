"""Sessions that are paid for: a tariff, somebody who charges by it, and what that costs."""

import secrets
from dataclasses import dataclass
from typing import Any

from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.tasks.stations_charging import charging
from tests.integration.waiting import eventually

# 1.5 kWh cost 0.75 without VAT, and a fee comes on top: 1.75, and 2.08 with VAT.
TARIFF: dict[str, Any] = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.5, "vat": 19, "step_size": 1},
                {"type": "FLAT", "price": 1, "vat": 19, "step_size": 1},
            ]
        }
    ],
}


@dataclass(frozen=True, slots=True)
class PaidSession:
    """What is left of one."""

    tariff_id: str
    transaction_id: int
    bill: dict[str, Any]


async def new_tariff(operator: Operator, name: str, tariff: dict[str, Any] = TARIFF) -> str:
    """Make a tariff and return its id."""
    made = await operator.http.post("/tariffs", json={"name": name, "tariff": tariff})
    tariff_id: str = made.raise_for_status().json()["tariff_id"]
    return tariff_id


async def assign(operator: Operator, tariff_id: str, **target: str) -> None:
    """Have a tariff hold for something."""
    body = {"tariff_id": tariff_id, **target}
    (await operator.http.post("/tariff-assignments", json=body)).raise_for_status()


async def bill_of(operator: Operator, transaction_id: int) -> dict[str, Any]:
    """Wait for the bill of a session that has ended."""

    async def bills() -> list[dict[str, Any]]:
        page: list[dict[str, Any]] = (await operator.get("/bills", transaction_id=transaction_id))[
            "items"
        ]
        return page

    (bill,) = await eventually(bills, bool)
    return bill


async def paid_session(operator: Operator, ocpp_url: str) -> PaidSession:
    """Let a station of its own charge by a tariff of its own, until that is billed."""
    mark = secrets.token_hex(5)
    token = f"PAID-{mark}".upper()
    await operator.ensure_id_token(token)
    tariff_id = await new_tariff(operator, f"Tariff {mark}")
    await assign(operator, tariff_id, id_token=token)
    async with SimulatedStation(f"paid-{mark}", ocpp_url) as station:
        session = await charging(station, token)
        session.stop()
        await session.wait_ended(60)
        assert session.transaction_id is not None
        bill = await bill_of(operator, session.transaction_id)
    return PaidSession(tariff_id, session.transaction_id, bill)

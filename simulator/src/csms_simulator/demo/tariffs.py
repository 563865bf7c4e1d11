"""What charging costs in the demo: by day and night, fast, for employees, in another currency."""

from typing import Any

from csms_simulator.demo.network import EMPLOYEES, HOMES
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload

_DAY, _FAST, _OWN, _HOMES = "Day and night", "Fast charging", "Employees", "Courtyard"


async def make_tariffs(operator: Operator) -> None:
    """Make each tariff and say whom it is for, unless an earlier demo has."""
    known = {each["name"] for each in await operator.items("/tariffs")}
    for name, (tariff, whom) in _TARIFFS.items():
        if name in known:
            continue
        made = await operator.http.post("/tariffs", json={"name": name, "tariff": tariff})
        made.raise_for_status()
        wanted = {"tariff_id": made.json()["tariff_id"], **whom}
        (await operator.http.post("/tariff-assignments", json=wanted)).raise_for_status()


def _price(type_: str, price: float, vat: float, step_size: int = 1) -> Payload:
    return {"type": type_, "price": price, "vat": vat, "step_size": step_size}


def _always(*prices: Payload) -> Payload:
    return {"price_components": list(prices)}


def _at(begin: str, end: str, *prices: Payload) -> Payload:
    return {**_always(*prices), "restrictions": {"start_time": begin, "end_time": end}}


_TARIFFS: dict[str, tuple[Payload, dict[str, Any]]] = {
    _DAY: (
        {
            "currency": "EUR",
            "elements": [
                _at("22:00", "06:00", _price("ENERGY", 0.39, 19)),
                _always(_price("ENERGY", 0.49, 19), _price("PARKING_TIME", 3.6, 19, 60)),
            ],
        },
        {},
    ),
    _FAST: (
        {
            "currency": "EUR",
            "elements": [
                _always(
                    _price("FLAT", 0.5, 19),
                    _price("ENERGY", 0.69, 19),
                    _price("PARKING_TIME", 12, 19, 60),
                )
            ],
            "min_price": {"excl_vat": 1},
        },
        {"tag": "fast"},
    ),
    _OWN: (
        {"currency": "EUR", "elements": [_always(_price("ENERGY", 0.25, 21))]},
        {"group_id": EMPLOYEES},
    ),
    _HOMES: (
        {"currency": "PLN", "elements": [_always(_price("ENERGY", 1.2, 23))]},
        {"site_id": HOMES.site_id},
    ),
}

"""I11: each session that has ended is billed once, and each reservation that was held and not used;
nothing is corrected in vain, and each record is exported once."""

import asyncio
import contextlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import httpx

from csms_simulator.operator import Operator
from tests.faults.beside import Beside
from tests.faults.faulty_suite import FaultySuite
from tests.faults.violations import Violation

Row = asyncpg.Record | Mapping[str, Any]
_POLL_S = 0.5
_PAGE = 500
_SHOWN = 20
_TARIFF = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [
                {"type": "FLAT", "price": 0.35, "vat": 19, "step_size": 1},
                {"type": "ENERGY", "price": 0.49, "vat": 19, "step_size": 1},
                {"type": "TIME", "price": 1.2, "vat": 19, "step_size": 1},
                {"type": "PARKING_TIME", "price": 2.4, "vat": 19, "step_size": 60},
            ]
        },
        {
            "price_components": [{"type": "FLAT", "price": 0.2, "vat": 19, "step_size": 1}],
            "restrictions": {"reservation": "RESERVATION"},
        },
    ],
}
_ENDED = """
    SELECT t.id, t.revision, t.meter_stop - t.meter_start AS energy_wh,
           s.settled_revision, s.due_at, s.state, s.problem,
           EXISTS (SELECT FROM session.reservation r
                   WHERE r.transaction_id = t.id AND r.status = 'used') AS has_used_one
    FROM session.transaction t
    LEFT JOIN billing.session s ON s.tenant_id = t.tenant_id AND s.transaction_id = t.id
    WHERE t.station_id = ANY($1) AND t.status = 'completed'
"""
_BILLS = """
    SELECT b.*, c.position FROM billing.bill b LEFT JOIN billing.cdr c USING (bill_id)
    WHERE b.transaction_id = ANY($1) ORDER BY b.transaction_id, b.sequence
"""
# A reservation's number is negative (`billing_service.bills.domain.subject`).
_RESERVED = """
    SELECT r.id, r.status, r.answer = 'accepted' AND r.status IN ('expired', 'cancelled')
           AND r.ended_at > r.answered_at AS is_owed, s.due_at, s.state, s.problem
    FROM session.reservation r
    LEFT JOIN billing.session s ON s.tenant_id = r.tenant_id AND s.transaction_id = -r.id
    WHERE r.station_id = ANY($1) AND r.status IN ('used', 'expired', 'cancelled')
"""
_BEHIND_THE_HEAD = """
    SELECT count(*), min(position), max(position) FROM billing.cdr
    WHERE tenant_id = 'default' AND position > $1
"""


async def have_a_tariff(operator: Operator) -> None:
    """Let every session of the tenant be priced, unless it is."""
    if await operator.items("/tariff-assignments"):
        return
    made = await operator.http.post("/tariffs", json={"name": "faults", "tariff": _TARIFF})
    made.raise_for_status()
    wanted = {"tariff_id": made.json()["tariff_id"]}
    (await operator.http.post("/tariff-assignments", json=wanted)).raise_for_status()


class Export(Beside):
    """Takes charge detail records as they come, on `async with`, through whatever befalls.

    `positions`: those that came, as they came, after the one that was the last when it began.
    """

    def __init__(self, operator: Operator) -> None:
        self.positions: list[int] = []
        self.begin = 0
        self._operator = operator

    async def _begin(self) -> None:
        while (page := await self._page(self.begin))["items"]:
            self.begin = page["items"][-1]["position"]

    @property
    def last(self) -> int:
        """The position up to which records have come."""
        return self.positions[-1] if self.positions else self.begin

    async def _work(self) -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                page = await self._page(self.last)
                self.positions += [one["position"] for one in page["items"]]
            await asyncio.sleep(_POLL_S)

    async def _page(self, after: int) -> dict[str, Any]:
        return dict(await self._operator.get("/cdrs", after=after, limit=_PAGE))


async def check_billing(
    suite: FaultySuite, station_ids: set[str], export: Export, within: float
) -> tuple[int, list[Violation]]:
    """Wait until all that ended is billed and exported; return how many bills it is."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        async with suite.database() as database:
            ended = await database.fetch(_ENDED, sorted(station_ids))
            reserved = await database.fetch(_RESERVED, sorted(station_ids))
            numbers = [*(one["id"] for one in ended), *(-one["id"] for one in reserved)]
            bills = await database.fetch(_BILLS, numbers)
            [(count, first, last)] = await database.fetch(_BEHIND_THE_HEAD, export.begin)
        unsettled = [one for one in ended if not _is_settled(one)]
        unsettled += [one for one in reserved if one["due_at"] or one["state"] != "final"]
        is_exported = not count or export.last >= last
        if not unsettled and is_exported:
            break
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(_POLL_S)
    found = [f"{dict(one)} is not settled" for one in unsettled]
    if count and (first, last) != (export.begin + 1, export.begin + count):
        found.append(f"{count} records are numbered from {first} to {last}")
    if export.positions != [*range(export.begin + 1, (last or export.begin) + 1)]:
        found.append(f"the export from {export.begin} to {last} has {export.positions[-20:]}")
    of_transactions: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for bill in bills:
        of_transactions[bill["transaction_id"]].append(bill)
    for one in ended:
        found += _wrongly_billed(one, of_transactions[one["id"]])
    for one in reserved:
        found += judge_reservation(one, of_transactions[-one["id"]])
    return len(bills), [Violation("I11", text) for text in found[:_SHOWN]]


def _is_settled(ended: asyncpg.Record) -> bool:
    return ended["settled_revision"] == ended["revision"] and ended["due_at"] is None


def _wrongly_billed(ended: asyncpg.Record, bills: list[asyncpg.Record]) -> list[str]:
    what = f"transaction {ended['id']}"
    hold = _that_hold(bills)
    if len(hold) != 1:
        return [f"{what} has {len(hold)} bills that hold: {Counter(b['kind'] for b in bills)}"]
    found = []
    by_id = {one["bill_id"]: one for one in bills}
    for one in bills:
        before = by_id.get(one["corrects"])
        if one["kind"] == "bill" and before is not None and _amounts(one) == _amounts(before):
            found.append(f"{what} was corrected though its amounts are the same")
        is_sent = one["status"] == "final"
        if is_sent != (one["position"] is not None):
            found.append(f"{what}: a {one['kind']} is {one['status']}, record {one['position']}")
    lines = json.loads(hold[0]["cost"])["lines"]
    if any(line["of_reservation"] for line in lines) != ended["has_used_one"]:
        found.append(f"{what} used a reservation: {ended['has_used_one']}; it is billed otherwise")
    energy = ended["energy_wh"]
    if energy is not None and energy >= 0 and hold[0]["energy_kwh"] * 1000 != energy:
        found.append(f"{what}: {energy} Wh, billed {hold[0]['energy_kwh']} kWh")
    return found


def judge_reservation(reserved: Row, bills: Sequence[Row]) -> list[str]:
    """Return what is wrong with the bills of a reservation that has ended."""
    what = f"{reserved['status']} reservation {reserved['id']}"
    found = [f"{what}: a {one['kind']} has no record" for one in bills if one["position"] is None]
    if len(_that_hold(bills)) != int(reserved["is_owed"]):
        found.append(f"{what} has {len(_that_hold(bills))} bills that hold")
    return found


def _that_hold(bills: Sequence[Row]) -> list[Row]:
    credited = {one["corrects"] for one in bills if one["kind"] == "credit"}
    return [one for one in bills if one["kind"] == "bill" and one["bill_id"] not in credited]


def _amounts(bill: asyncpg.Record) -> tuple[Any, Any]:
    return bill["total_excl_vat"], bill["total_incl_vat"]

"""Sessions that others tell of, and what the service makes of them."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.bills.domain.subject import number_of_reservation
from billing_service.bills.handlers import requests as bills
from billing_service.bills.handlers.asking import NotAnswered, SomeSessions
from billing_service.bills.handlers.following import following
from billing_service.bills.handlers.running import RunningCosts
from billing_service.bills.handlers.settling import Settling
from billing_service.cdrs.handlers import requests as cdrs
from billing_service.tariffs.store.choosing import assigned_value
from billing_service.tariffs.tables import tariff, tariff_assignment, tariff_version
from csms_shared.contracts.billing import (
    AssignmentTarget,
    BillView,
    CdrPage,
    CostOf,
    Costs,
    CostsOf,
    CostView,
    ListBills,
    ListCdrs,
    ReleaseBill,
    ReservationOf,
    SettleAgain,
)
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.overview import AskBillsOverview, BillsOverview
from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.session_facts import ConnectorTimes
from csms_shared.db.engine import in_transaction
from csms_shared.db.tenancy import acting_for
from csms_shared.runtime.errors import Unavailable
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_exact_time

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
DEFAULT = "default"
WITHIN_S = 60.0

PER_KWH: dict[str, Any] = {
    "currency": "EUR",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": 0.35, "vat": 19, "step_size": 1}]}
    ],
}


async def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds, which may have to be asked for."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.02)


def place_of(number: int) -> dict[str, Any]:
    """Return where a session or a reservation was."""
    return {
        "transaction_id": number,
        "station_id": "S-1",
        "site_id": "site-1",
        "site_name": "Station road",
        "address": "Station road 1",
        "city": "Berlin",
        "postal_code": "10115",
        "country": "DE",
        "latitude": 52.5,
        "longitude": 13.4,
        "time_zone": "Europe/Berlin",
        "tenant_country": "DE",
        "party_id": "ABC",
    }


class FakeAsk:
    """Knows sessions and places as the other services do.

    `away`: so often there is no answer; `at_once`: so many sessions fit one.
    """

    def __init__(self) -> None:
        self.facts: dict[int, Any] = {}
        self.of_reservations: dict[int, Any] = {}
        self.knows_no_reservations = False
        self.of_places: dict[int, Any] = {}
        self.away = 0
        self.at_once = 50
        self.refused: set[int] = set()
        self.asked: list[list[int]] = []
        self.places_asked: list[ConnectorTimes] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def sessions(self, tenant_id: str, transaction_ids: Sequence[int]) -> SomeSessions:
        """Answer with what is known."""
        self.asked.append([*transaction_ids])
        if self.away:
            self.away -= 1
            raise Unavailable("nobody answers")
        if self.refused & {*transaction_ids}:
            raise NotAnswered("session-service met a defect")
        if self.meanwhile is not None:
            await self.meanwhile()
        fitting, later = transaction_ids[: self.at_once], [*transaction_ids[self.at_once :]]
        return SomeSessions([self.facts[one] for one in fitting if one in self.facts], later)

    async def reservations(self, tenant_id: str, reservation_ids: Sequence[int]) -> list[Any]:
        """Answer with what is known."""
        if self.knows_no_reservations:
            raise Unavailable("of a version before the question")
        if self.refused & {*reservation_ids}:
            raise NotAnswered("session-service met a defect")
        if self.meanwhile is not None:
            await self.meanwhile()
        return [self.of_reservations[id] for id in reservation_ids if id in self.of_reservations]

    async def places(self, tenant_id: str, sessions: Sequence[ConnectorTimes]) -> list[Any]:
        """Answer with where sessions were."""
        self.places_asked += sessions
        return [
            self.of_places[one.transaction_id]
            for one in sessions
            if one.transaction_id in self.of_places
        ]

    def know(self, transaction_id: int, **facts: Any) -> None:
        """Know a session of an hour and 10 kWh that has ended, but for what is given."""
        known = self.facts.get(transaction_id) or {
            "transaction_id": transaction_id,
            "revision": 1,
            "station_id": "S-1",
            "site_id": "site-1",
            "connector_id": 1,
            "id_token": "TAG",
            "group_id": None,
            "started_at": format_exact_time(START),
            "stopped_at": format_exact_time(START + timedelta(hours=1)),
            "meter_start": 1_000,
            "meter_stop": 11_000,
            "stop_reason": "Local",
            "flags": [],
            "tags": ["fast"],
        }
        self.facts[transaction_id] = known | facts
        self.of_places.setdefault(transaction_id, place_of(transaction_id))

    def know_reservation(self, reservation_id: int, **facts: Any) -> None:
        """Know a reservation that has expired after half an hour, but for what is given."""
        known = self.of_reservations.get(reservation_id) or {
            "reservation_id": reservation_id,
            "station_id": "S-1",
            "site_id": "site-1",
            "connector_id": 1,
            "id_token": "TAG",
            "group_id": None,
            "started_at": format_exact_time(START),
            "stopped_at": format_exact_time(START + timedelta(minutes=30)),
            "tags": ["fast"],
            "was_held": True,
            "status": "expired",
            "reason": None,
        }
        self.of_reservations[reservation_id] = known | facts
        number = number_of_reservation(reservation_id)
        self.of_places.setdefault(number, place_of(number))

    def goes_on(self, transaction_id: int, *readings: tuple[int, int]) -> None:
        """Know a session that goes on, with readings as (minutes since the start, Wh)."""
        self.know(
            transaction_id,
            revision=0,
            stopped_at=None,
            meter_stop=None,
            readings=[
                {"at": format_exact_time(START + timedelta(minutes=minutes)), "energy_wh": str(wh)}
                for minutes, wh in readings
            ],
        )


def event(key: str, tenant_id: str = DEFAULT, **data: Any) -> dict[str, Any]:
    """Return an event of a transaction."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/csms/session-service",
        "type": f"csms.{key}.v1",
        "subject": "S-1",
        "time": "2026-11-20T09:00:00.000Z",
        "tenantid": tenant_id,
        "data": {"station_id": "S-1", **data},
    }


def started(transaction_id: int, tenant_id: str = DEFAULT) -> dict[str, Any]:
    """Tell that a transaction has begun."""
    return event("transaction.started", tenant_id, transaction_id=transaction_id)


def updated(transaction_id: int, tenant_id: str = DEFAULT) -> dict[str, Any]:
    """Tell that there are figures of a transaction."""
    return event("transaction.updated", tenant_id, transaction_id=transaction_id)


def ended(transaction_id: int, revision: int = 1, tenant_id: str = DEFAULT) -> dict[str, Any]:
    """Tell the end of a transaction in one of its revisions."""
    key = "transaction.stopped" if revision == 1 else "transaction.corrected"
    return event(key, tenant_id, transaction_id=transaction_id, revision=revision)


def values_late(transaction_id: int, tenant_id: str = DEFAULT) -> dict[str, Any]:
    """Tell that there are values of a transaction that came after its end."""
    return event("transaction.values_late", tenant_id, transaction_id=transaction_id)


def reservation(
    status: str, reservation_id: int, tenant_id: str = DEFAULT, **data: Any
) -> dict[str, Any]:
    """Tell what became of a reservation."""
    told = {"reservation_id": reservation_id, "status": status, **data}
    return event(f"reservation.{status}", tenant_id, **told)


class Books:
    """What the service has in its tables, and who fills them."""

    def __init__(self, engine: AsyncEngine, requests_engine: AsyncEngine) -> None:
        self.engine = engine
        self.requests_engine = requests_engine
        self.ask = FakeAsk()
        self.settling = Settling(engine, self.ask, lambda: None)
        self.running = RunningCosts(engine, self.ask, lambda: None)
        self.tariff_id = uuid.uuid4()

    async def assign(
        self,
        document: dict[str, Any] = PER_KWH,
        target: AssignmentTarget = AssignmentTarget.TENANT,
        value: str | None = None,
        tenant_id: str = DEFAULT,
        **assignment: Any,
    ) -> uuid.UUID:
        """Make a tariff and assign it; return its id."""
        tariff_id, now = uuid.uuid4(), datetime.now(UTC)
        who = {"tenant_id": tenant_id, "tariff_id": tariff_id}
        made = {"changed_at": now, "changed_by": "test"}
        created = {"created_at": now, "created_by": "test"}
        async with self.engine.begin() as connection:
            await connection.execute(
                insert(tariff).values(name="By kWh", version=1, **who, **made, **created)
            )
            await connection.execute(
                insert(tariff_version).values(
                    name="By kWh", version=1, tariff=document, **who, **made
                )
            )
            await connection.execute(
                insert(tariff_assignment).values(
                    assignment_id=uuid.uuid4(),
                    target=target.value,
                    value=assigned_value(target, value),
                    shown_value=value,
                    **who,
                    **created,
                    **assignment,
                )
            )
        return tariff_id

    async def tell(self, *events: dict[str, Any], delay_s: float = 0) -> None:
        """Have events followed, as one batch."""
        works = [Work(MessageType.EVENTS, {}, [one]) for one in events]
        follow = following(delay_s)
        await in_transaction(self.engine, lambda one: follow(one, works))

    async def settle(self) -> None:
        """Settle until nothing is due."""
        while await self.settling.round():
            pass

    async def bill(self, *transaction_ids: int) -> None:
        """Have sessions end, and settle them."""
        await self.tell(*(ended(one) for one in transaction_ids))
        await self.settle()

    async def correct(self, transaction_id: int, revision: int, **facts: Any) -> None:
        """Have the end of a session turn out otherwise, and settle it."""
        self.ask.know(transaction_id, revision=revision, **facts)
        await self.tell(ended(transaction_id, revision))
        await self.settle()

    async def end_reservation(self, reservation_id: int, **facts: Any) -> None:
        """Have a reservation end, and settle it."""
        self.ask.know_reservation(reservation_id, **facts)
        status = self.ask.of_reservations[reservation_id]["status"]
        await self.tell(reservation(status, reservation_id))
        await self.settle()

    async def all_due(self) -> None:
        """Let the time come at which what waits is due."""
        await self.run("UPDATE session SET due_at = now() WHERE due_at IS NOT NULL")

    async def run(self, statement: str) -> list[Any]:
        """Run a statement as the service."""
        async with self.engine.begin() as connection:
            found = await connection.execute(text(statement))
            return list(found) if found.returns_rows else []

    async def told(self, prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Return the events that were told, as (routing key, data), in their order."""
        rows = await self.run("SELECT routing_key, events FROM outbox ORDER BY id")
        return [
            (row.routing_key, one["data"])
            for row in rows
            for one in orjson.loads(row.events)
            if row.routing_key.startswith(prefix)
        ]

    async def keys(self, prefix: str = "bill.") -> list[str]:
        """Return the routing keys of the events that were told."""
        return [key for key, _ in await self.told(prefix)]

    async def _asked(self, handler: Any, parameters: Any) -> Any:
        with acting_for(parameters.tenant_id):
            return await in_transaction(self.requests_engine, lambda one: handler(one, parameters))

    async def cost(self, transaction_id: int, tenant_id: str = DEFAULT, **asked: Any) -> CostView:
        """Return what REST shows of a cost."""
        parameters = CostOf(transaction_id=transaction_id, tenant_id=tenant_id, **asked)
        found: CostView = await self._asked(bills.get_cost, parameters)
        return found

    async def reservation_cost(self, reservation_id: int, **asked: Any) -> CostView:
        """Return what REST shows of the cost of a reservation."""
        parameters = ReservationOf(reservation_id=reservation_id, **asked)
        found: CostView = await self._asked(bills.get_reservation_cost, parameters)
        return found

    async def settle_reservation_again(self, reservation_id: int, **asked: Any) -> None:
        """Have a reservation settled again."""
        parameters = ReservationOf(reservation_id=reservation_id, **asked)
        await self._asked(bills.settle_reservation_again, parameters)
        await self.settle()

    async def costs(self, *transaction_ids: int, scope: Scope | None = None) -> Costs:
        """Return what lists show of costs."""
        found: Costs = await self._asked(
            bills.costs_of, CostsOf(transaction_ids=[*transaction_ids], scope=scope)
        )
        return found

    async def held(self, **asked: Any) -> int:
        """Return how many bills wait for review, as the overview tells it."""
        found: BillsOverview = await self._asked(bills.overview, AskBillsOverview(**asked))
        return found.bills.held

    async def bills(self, **asked: Any) -> list[BillView]:
        """Return the bills and credits of a page, newest first."""
        found = await self._asked(bills.list_bills, ListBills(**{"limit": 100} | asked))
        items: list[BillView] = found.items
        return items

    async def release(self, bill_id: str | uuid.UUID, **asked: Any) -> BillView:
        """Release a bill."""
        parameters = ReleaseBill(bill_id=bill_id, released_by="operator", **asked)
        found: BillView = await self._asked(bills.release_bill, parameters)
        return found

    async def want_settled(self, transaction_id: int, **asked: Any) -> None:
        """Ask for a session to be settled again."""
        await self._asked(bills.settle_again, SettleAgain(transaction_id=transaction_id, **asked))

    async def settle_again(self, transaction_id: int, **asked: Any) -> None:
        """Have a session settled again."""
        await self.want_settled(transaction_id, **asked)
        await self.settle()

    async def cdrs(self, **asked: Any) -> CdrPage:
        """Return charge detail records."""
        found: CdrPage = await self._asked(cdrs.list_cdrs, ListCdrs(**asked))
        return found

    async def positions(self, tenant_id: str = DEFAULT) -> list[int]:
        """Return the numbers of all charge detail records, in the order of a reader's pages."""
        found: list[int] = []
        after: int | None = 0
        while after is not None:
            page = await self.cdrs(tenant_id=tenant_id, after=after, limit=7)
            found += [one.position for one in page.items]
            after = page.next_cursor
        return found


def amounts(cost: CostView | BillView) -> tuple[str | None, str | None]:
    """Return the totals."""
    return cost.total_excl_vat, cost.total_incl_vat


def ids(bills_: Iterable[BillView]) -> list[str]:
    """Return the ids of bills."""
    return [one.bill_id for one in bills_]

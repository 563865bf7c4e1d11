"""Asks billing-service what things cost; a list of transactions never waits long for it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from command_api.concurrency.limiters import Limiter
from command_api.costs.domain import Document, shown, unknown_yet, unsettled
from command_api.ports import ServiceAway, ServiceFailed, Services
from csms_shared.broker.topology import BILLING_SERVICE, SESSION_SERVICE
from csms_shared.contracts.billing import BillStatus, Costs, CostView
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.reservations import ReservationView
from csms_shared.contracts.sessions import TransactionView
from csms_shared.runtime.clock import monotonic

log = structlog.get_logger(__name__)

# A page of 500 takes a fifth of it.
PAGE_WITHIN_S = 0.5
PAGES_AT_ONCE = 20
# While billing-service is away or slow, one page in so long waits for it, and no other.
PAUSE_S = 2.0


class CostsOfPages:
    """The costs in lists of transactions: one bounded question a page.

    When it is not answered in time, the next pages are shown without costs and do not wait, until
    one that asks for all of them is answered again.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._slots = Limiter(PAGES_AT_ONCE)
        self._is_away = False
        self._again_at = 0.0

    async def add_to(self, transactions: Sequence[Document]) -> None:
        """Give each transaction its `cost`, null where that is not known."""
        costs = await self._costs([one["transaction_id"] for one in transactions])
        for one in transactions:
            one["cost"] = costs.get(str(one["transaction_id"]))

    async def _costs(self, transaction_ids: list[int]) -> Document:
        if not transaction_ids or not self._may_ask():
            return {}
        try:
            async with asyncio.timeout(PAGE_WITHIN_S), self._slots.slot():
                answer = await self._services.ask(
                    BILLING_SERVICE, "costs.of", {"transaction_ids": transaction_ids}
                )
            costs = Costs.model_validate(answer).model_dump(mode="json")["costs"]
        except (ServiceFailed, ProblemRaised, ValidationError) as error:
            # It did answer: what is wrong is of this page, and costs the next ones nothing.
            _log(error)
            return {}
        except (ServiceAway, TimeoutError) as error:
            _log(error)
            self._is_away, self._again_at = True, monotonic() + PAUSE_S
            return {}
        self._is_away = False
        found: Document = costs
        return found

    def _may_ask(self) -> bool:
        now = monotonic()
        if self._is_away and now < self._again_at:
            return False
        # Where it was away, for all who come until this one has its answer.
        self._again_at = now + PAUSE_S
        return True


def _log(error: Exception) -> None:
    log.warning("transactions_without_costs", error=f"{type(error).__name__}: {error}"[:200])


async def transaction_cost(services: Services, transaction_id: int) -> Document:
    """Return what a transaction costs, and why.

    One that billing-service has not been told of yet has a cost without amounts.

    Raises:
        ProblemRaised: 404, there is no such transaction.
        ServiceAway: billing-service does not answer.
    """
    named = {"transaction_id": transaction_id}
    cost = await _told(services, "costs.get", named)
    if cost is None:
        found = await services.ask(SESSION_SERVICE, "transactions.get", named)
        cost = _without_amounts(unknown_yet(TransactionView.model_validate(found)), named)
    return _without("reservation_id", checked(cost))


async def reservation_cost(services: Services, reservation_id: int) -> Document:
    """Return what a reservation costs that nobody used, and why.

    One that billing-service has not been told of has a cost without amounts.

    Raises:
        ProblemRaised: 404, there is no such reservation.
        ServiceAway: billing-service does not answer.
    """
    named = {"reservation_id": reservation_id}
    cost = await _told(services, "costs.of_reservation", named)
    if cost is None:
        found = await services.ask(SESSION_SERVICE, "reservations.get", named)
        cost = _without_amounts(unsettled(ReservationView.model_validate(found)), named)
    return _without("transaction_id", checked(cost))


async def _told(services: Services, operation: str, named: Document) -> Any:
    """Return what billing-service knows of it, None where that is nothing."""
    try:
        return await services.ask(BILLING_SERVICE, operation, named)
    except ProblemRaised as refused:
        if refused.problem.status != 404:
            raise
        return None


def checked(answer: Any) -> Document:
    """Return a cost of billing-service as REST shows it.

    Raises:
        ServiceAway: it is no cost.
    """
    try:
        CostView.model_validate(answer)
    except ValidationError as error:
        raise ServiceAway("billing-service answers with no cost") from error
    return shown(answer)


def _without(field: str, cost: Document) -> Document:
    return {name: value for name, value in cost.items() if name != field}


def _without_amounts(status: BillStatus, named: Mapping[str, int]) -> Document:
    cost = CostView(
        **named,
        final=status is BillStatus.FINAL,
        status=status,
        currency=None,
        total_excl_vat=None,
        total_incl_vat=None,
    )
    return cost.model_dump(mode="json")

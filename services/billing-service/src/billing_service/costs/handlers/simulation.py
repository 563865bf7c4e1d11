"""`tariffs.simulate`: what a session would cost. Nothing is stored."""

import asyncio
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.costs.domain.facts import SessionFacts
from billing_service.costs.domain.pieces import TooManyPieces
from billing_service.costs.domain.session_cost import session_cost
from billing_service.costs.domain.shown import shown
from billing_service.costs.domain.simulated_facts import simulated_facts
from billing_service.tariffs.domain.reading import read_tariff
from billing_service.tariffs.handlers.tariffs import get_tariff
from csms_shared.contracts.billing import BillStatus, CostView, GetTariff, Simulate
from csms_shared.contracts.refusals import refuse
from csms_shared.db.engine import in_transaction
from csms_shared.values.places import time_zones

# Each may take seconds: questions of others, such as what a page of sessions costs, go on.
AT_ONCE = 2


class Simulation:
    """Answers `tariffs.simulate`, so many at once and no more."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._under_way = 0

    async def __call__(self, asked: Simulate) -> CostView:
        """Return the cost.

        Raises:
            ProblemRaised: there is no such tariff or zone, others are simulating, or the session
                would have too many periods.
        """
        if asked.time_zone not in time_zones():
            message = "must be a time zone of IANA, such as Europe/Berlin"
            raise refuse(422, "validation_failed", "no such zone", ("time_zone", message))
        named = GetTariff(
            tenant_id=asked.tenant_id, tariff_id=asked.tariff_id, version=asked.version
        )
        tariff = await in_transaction(self._engine, lambda one: get_tariff(one, named))
        if self._under_way >= AT_ONCE:
            raise refuse(429, "too_busy", "other sessions are being simulated: ask again")
        self._under_way += 1
        try:
            cost = await asyncio.to_thread(
                _cost, simulated_facts(asked), tariff.tariff, asked.time_zone
            )
        finally:
            self._under_way -= 1
        return CostView(
            final=True,
            status=BillStatus.REVIEW if cost["review"] else BillStatus.FINAL,
            tariff_id=tariff.tariff_id,
            tariff_name=tariff.name,
            tariff_version=tariff.version,
            time_zone=asked.time_zone,
            **cost,
        )


def _cost(facts: SessionFacts, tariff: dict[str, Any], time_zone: str) -> dict[str, Any]:
    try:
        return shown(session_cost(facts, read_tariff(tariff), ZoneInfo(time_zone)))
    except TooManyPieces as error:
        message = "with this tariff it has more periods than a cost may have"
        raise refuse(422, "too_many_periods", message, ("stopped_at", message)) from error

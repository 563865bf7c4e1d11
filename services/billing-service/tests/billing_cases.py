"""Short ways to write tariffs, sessions and what they cost."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from billing_service.costs.domain.cost import Cost
from billing_service.costs.domain.exact import Exact
from billing_service.costs.domain.facts import CurrentSample, Reading, SessionFacts, StatusChange
from billing_service.costs.domain.session_cost import session_cost
from billing_service.tariffs.domain.reading import read_tariff
from billing_service.tariffs.domain.tariff import Tariff

BERLIN = ZoneInfo("Europe/Berlin")
METER = 1_000_000


def price(type_: str, amount: float, vat: float | None = None, step: int = 1) -> dict[str, Any]:
    """Return a price component."""
    component = {"type": type_, "price": amount, "step_size": step}
    return component if vat is None else {**component, "vat": vat}


def element(*components: dict[str, Any], **restrictions: Any) -> dict[str, Any]:
    """Return an element with its restrictions, if there are any."""
    made: dict[str, Any] = {"price_components": list(components)}
    return {**made, "restrictions": restrictions} if restrictions else made


def tariff(*elements: dict[str, Any], **fields: Any) -> Tariff:
    """Return a tariff in euro."""
    return read_tariff({"currency": "EUR", "elements": list(elements), **fields})


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """Return an instant by local time, such as `2026-11-23 09:30`; the first of two."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def session(
    started_at: datetime,
    stopped_at: datetime,
    kwh: float | Fraction = 0,
    readings: Iterable[tuple[datetime, float | Fraction]] = (),
    *,
    statuses: Iterable[tuple[datetime, str]] = (),
    currents: Iterable[tuple[datetime, Exact]] = (),
    **facts: Any,
) -> SessionFacts:
    """Return a session of so many kWh, with readings in kWh since its start."""
    return SessionFacts(
        started_at,
        stopped_at,
        METER,
        METER + wh(kwh),
        tuple(Reading(at, METER + wh(energy)) for at, energy in readings),
        tuple(StatusChange(at, status) for at, status in statuses),
        tuple(CurrentSample(at, amperes) for at, amperes in currents),
        **facts,
    )


def charged(
    started_at: datetime, minutes: float, kwh: float | Fraction, parked: float = 0, **facts: Any
) -> SessionFacts:
    """Return a session that charged for so many minutes, and was parked for some more."""
    full = started_at + timedelta(minutes=minutes)
    readings = [(full, kwh)] if parked else []
    return session(started_at, full + timedelta(minutes=parked), kwh, readings, **facts)


def wh(kwh: float | Fraction) -> Exact:
    """Return kWh as Wh, exactly as written."""
    exact = kwh if isinstance(kwh, Fraction) else Fraction(str(kwh))
    return exact * 1000


def totals(cost: Cost) -> tuple[str, str]:
    """Return what is to be paid, without VAT and with it."""
    return str(cost.total_excl_vat), str(cost.total_incl_vat)


def cost_of(facts: SessionFacts, by: Tariff, zone: ZoneInfo = BERLIN) -> tuple[str, str]:
    """Return what a session costs, without VAT and with it."""
    return totals(session_cost(facts, by, zone))


def rows(cost: Cost) -> list[tuple[str, Exact, Exact]]:
    """Return type, quantity (minutes in place of hours) and amount of each line.

    Adjustments go by their reason.
    """
    found: list[tuple[str, Exact, Exact]] = []
    for line in cost.lines:
        name = line.dimension or line.adjustment
        assert name is not None
        quantity = line.quantity * 60 if "TIME" in name else line.quantity
        found.append((str(name), quantity, line.amount_excl_vat))
    return found


def money(text: str) -> Fraction:
    """Return an amount, exactly."""
    return Fraction(Decimal(text))

"""What the engine and its oracle say of a generated case, in the same words.

The oracle prices plain documents by whole seconds; the engine takes facts and a tariff that was
read. Adjustments are compared by the totals that they lead to: how many lines they are is the
engine's own matter.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from billing_service.costs.domain.cost import Cost
from billing_service.costs.domain.facts import (
    CurrentSample,
    Reading,
    ReservationFacts,
    SessionFacts,
    StatusChange,
)
from billing_service.costs.domain.reservation_cost import reservation_cost
from billing_service.costs.domain.session_cost import session_cost
from billing_service.tariffs.domain.reading import read_tariff
from tests.models.billing_oracle import pricing, totals
from tests.models.billing_oracle.generator import case, reservation_case

Told = Mapping[str, Any]


class Amounts(NamedTuple):
    """All lines of one type, exactly."""

    quantity: Fraction
    excl_vat: Fraction
    incl_vat: Fraction


class Opinion(NamedTuple):
    """What somebody takes to be the price."""

    total_excl_vat: Fraction
    total_incl_vat: Fraction
    types: dict[str, Amounts]
    vat: dict[Fraction, Fraction]


class Difference(NamedTuple):
    """A seed on which the two differ; the traits are those of the session and its tariff."""

    seed: int
    traits: frozenset[str]
    engine: Opinion
    oracle: Opinion


def differences_on_sessions(seeds: Iterable[int]) -> list[Difference]:
    """Price the sessions of some seeds twice."""
    return list(_differences(seeds, _session_opinions))


def differences_on_reservations(seeds: Iterable[int]) -> list[Difference]:
    """Price the unused reservations of some seeds twice."""
    return list(_differences(seeds, _reservation_opinions))


def _differences(
    seeds: Iterable[int],
    opinions: Callable[[int], tuple[frozenset[str], Opinion, Opinion]],
) -> Iterator[Difference]:
    for seed in seeds:
        traits, engine, oracle = opinions(seed)
        if engine != oracle:
            yield Difference(seed, traits, engine, oracle)


def _session_opinions(seed: int) -> tuple[frozenset[str], Opinion, Opinion]:
    made = case(seed)
    zone = ZoneInfo(made.session["time_zone"])
    engine = session_cost(_session_facts(made.session), read_tariff(made.tariff), zone)
    return (
        made.traits,
        _of_engine(engine),
        _of_oracle(pricing.session_cost(made.tariff, made.session)),
    )


def _reservation_opinions(seed: int) -> tuple[frozenset[str], Opinion, Opinion]:
    tariff, reservation = reservation_case(seed)
    zone = ZoneInfo(reservation["time_zone"])
    engine = reservation_cost(_reservation_facts(reservation), read_tariff(tariff), zone)
    traits = frozenset({"expired"} if reservation["expired"] else ())
    return traits, _of_engine(engine), _of_oracle(pricing.reservation_cost(tariff, reservation))


def _of_oracle(cost: totals.Cost) -> Opinion:
    return Opinion(
        cost["total_excl_vat"],
        cost["total_incl_vat"],
        {
            type_: Amounts(**lines)
            for type_, lines in cost["lines"].items()
            if type_ != "ADJUSTMENT"
        },
        cost["vat"],
    )


def _of_engine(cost: Cost) -> Opinion:
    nothing = Amounts(Fraction(), Fraction(), Fraction())
    types: dict[str, Amounts] = defaultdict(lambda: nothing)
    for line in cost.lines:
        if line.dimension is not None:
            before = types[line.dimension]
            types[line.dimension] = Amounts(
                before.quantity + line.quantity,
                before.excl_vat + line.amount_excl_vat,
                before.incl_vat + line.amount_incl_vat,
            )
    return Opinion(
        Fraction(cost.total_excl_vat),
        Fraction(cost.total_incl_vat),
        dict(types),
        {Fraction(share.percent): Fraction(share.vat) for share in cost.vat},
    )


def _session_facts(told: Told) -> SessionFacts:
    reservation = told.get("reservation")
    return SessionFacts(
        _at(told["started_at"]),
        _at(told["stopped_at"]),
        _exact(told["meter_start"]),
        None if told["meter_stop"] is None else _exact(told["meter_stop"]),
        tuple(Reading(_at(one["at"]), _exact(one["energy_wh"])) for one in told["readings"]),
        tuple(StatusChange(_at(one["at"]), one["status"]) for one in told["status"]),
        tuple(
            CurrentSample(_at(one["at"]), _exact(one["amperes"]))
            for one in told.get("currents", ())
        ),
        reservation=None if reservation is None else _reservation_facts(reservation),
    )


def _reservation_facts(told: Told) -> ReservationFacts:
    return ReservationFacts(_at(told["reserved_at"]), _at(told["ended_at"]), told["expired"])


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _exact(number: float) -> Fraction:
    return Fraction(str(number))

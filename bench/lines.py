"""The lines of the table: which number of which case, and what it must reach."""

import operator
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.cases import CASES, GATEWAYS_CURVE
from bench.fairness_table import TARGET, unfair

Number = Callable[[dict[str, Any]], float]


@dataclass(frozen=True, slots=True)
class Line:
    """One number of the table."""

    case: str
    title: str
    unit: str
    number: Number
    target: float | None = None
    more_is_better: bool = False
    ratio_target: float | None = None
    relative_to: str | None = None
    """The target is a share of this case's same number."""
    joined: Callable[[Sequence[dict[str, Any]]], float] | None = None
    """What all rounds come to; None: the median of their numbers."""

    def of_rounds(self, rounds: Sequence[dict[str, Any]]) -> float:
        """Return the number that all rounds come to."""
        if self.joined is not None:
            return self.joined(rounds)
        return statistics.median(self.number(result) for result in rounds)


def _rate(case: str, title: str, **targets: Any) -> Line:
    number = operator.itemgetter("messages_per_s")
    return Line(case, title, "msg/s", number, more_is_better=True, **targets)


def _in(case: str, key: str, title: str, unit: str = "ms", **targets: Any) -> Line:
    return Line(case, title, unit, operator.itemgetter(key), **targets)


def cpu_of_message(result: dict[str, Any]) -> float:
    """Return the CPU of all processes but the driver for one message, in microseconds."""
    costs: dict[str, float] = result["cpu_us_per_unit"]
    return sum(us for name, us in costs.items() if name != "driver")


def _at_once(kind: str, title: str) -> tuple[Line, Line]:
    def p(key: str) -> Number:
        return lambda result: float(result["kinds"][kind][key])

    return (
        Line("starts", f"{title}, p50", "ms", p("p50_ms")),
        Line("starts", f"{title}, p95", "ms", p("p95_ms")),
    )


def _query(kind: str, title: str, target: float, case: str = "queries") -> tuple[Line, Line]:
    def p(key: str) -> Number:
        return lambda result: float(result["kinds"][kind][key])

    return (
        Line(case, f"{title}, p50", "ms", p("p50_ms")),
        Line(case, f"{title}, p99", "ms", p("p99_ms"), target=target),
    )


def _curve(group: str, title: str, **targets: Any) -> tuple[Line, ...]:
    return tuple(
        _rate(case.name, title.format(stations=case.full.stations, stored=case.full.stored), **t)
        for case in CASES
        if case.group == group
        for t in [targets if case.full.stored == 10_000_000 else {}]
    )


def _gateways(number: int) -> str:
    return "1 gateway" if number == 1 else f"{number} gateways"


LINES = (
    _rate("sessions", "closed loop of sessions, 300 stations", target=5000, ratio_target=4.5),
    _in("sessions", "p50_ms", "- p50 in it"),
    _in("sessions", "p99_ms", "- p99 in it"),
    _in("sessions", "settled_s", "- last rows stored after", "s"),
    *_curve("sessions-curve", "closed loop of sessions, {stations:,} stations"),
    *(
        _rate(
            case.name,
            f"closed loop of sessions, 300 stations, {_gateways(case.gateways)}",
            **({"target": 0.85, "relative_to": "sessions-over-1"} if case.gateways == 8 else {}),
        )
        for case in CASES
        if case.group == GATEWAYS_CURVE
    ),
    *(
        _rate(
            f"{load}-of-{whose}",
            f"{title}, 1,000 of 10,000 stations, {of}",
            **({"target": 0.95, "relative_to": f"{load}-of-one-tenant"} if is_many else {}),
        )
        for load, title in (
            ("sessions", "closed loop of sessions"),
            ("meter-values", "MeterValues only"),
        )
        for whose, of, is_many in (
            ("one-tenant", "of one tenant", False),
            ("many-tenants", "of 1,000 tenants", True),
        )
    ),
    _rate(
        "sessions-integration-on",
        "closed loop of sessions, integration-service on",
        target=0.9,
        relative_to="sessions-integration-off",
    ),
    _rate("sessions-integration-off", "closed loop of sessions, integration-service off"),
    *(
        Line(f"sessions-integration-{there}", f"- CPU of a message, {there}", "us", cpu_of_message)
        for there in ("on", "off")
    ),
    _rate(
        "sessions-billing-on",
        "closed loop of sessions, billing-service on",
        target=0.9,
        relative_to="sessions-billing-off",
    ),
    _rate("sessions-billing-off", "closed loop of sessions, billing-service off"),
    *(
        Line(f"sessions-billing-{there}", f"- CPU of a message, {there}", "us", cpu_of_message)
        for there in ("on", "off")
    ),
    _in(
        "sessions-billing-off",
        "settled_per_s",
        "- sessions settled once it is back",
        "/s",
        target=100,
        more_is_better=True,
    ),
    _in("sessions-billing-on", "page_ms", "- page of 500 transactions with costs", target=100),
    _rate("meter-values", "MeterValues only, 300 stations", target=6000),
    _in("meter-values", "p99_ms", "- p99 in it"),
    _in("meter-values", "settled_s", "- last rows stored after", "s"),
    _rate(
        "meter-values-5k",
        "MeterValues only, 5,000 stations",
        target=0.8,
        relative_to="meter-values",
    ),
    _in("meter-values-5k", "settled_s", "- last rows stored after", "s"),
    *_curve(
        "stored-curve",
        "MeterValues only, {stored:,} stored before",
        target=0.8,
        relative_to="meter-values",
    ),
    _in("light", "p50_ms", "light load, 50 stations, 27 msg/s, p50", target=4),
    _in("light", "p99_ms", "light load, 50 stations, 27 msg/s, p99", target=12),
    *_at_once("own", "20 starts at once, a token each"),
    *_at_once("shared-unlimited", "20 starts at once, one token without a limit"),
    *_at_once("shared-limited", "20 starts at once, one token with a limit above them"),
    *_at_once("shared-single", "20 starts at once, one token, all but one refused"),
    *_at_once("authorize", "20 Authorize at once"),
    *_at_once("meter-values", "20 MeterValues at once"),
    Line(
        "connect",
        "connect + authenticate + boot",
        "stations/s",
        operator.itemgetter("stations_per_s"),
        target=1000,
        more_is_better=True,
    ),
    Line("connect", "- refused", "", lambda r: sum(r["refused"].values()), target=0),
    _in("connect", "all_in_s", "- all in after", "s"),
    *(
        Line(
            f"connect-tls-{end}",
            f"- by TLS, RSA, ended by {end}",
            "stations/s",
            operator.itemgetter("stations_per_s"),
            more_is_better=True,
        )
        for end in ("gateway", "haproxy")
    ),
    _in("commands", "p50_ms", "command, one at a time, p50", target=6),
    Line(
        "commands",
        "commands, 20 in flight",
        "/s",
        operator.itemgetter("commands_per_s"),
        target=800,
        more_is_better=True,
    ),
    Line(
        "memory",
        "gateway memory per idle connection",
        "KB",
        lambda r: float(r["bytes_per_connection"]) / 1000,
        target=16,
    ),
    Line(
        "memory",
        "- connections in one gateway",
        "",
        operator.itemgetter("held"),
        target=10_000,
        more_is_better=True,
    ),
    Line(
        "memory-tls-gateway",
        "gateway memory per idle connection by TLS",
        "KB",
        lambda r: float(r["bytes_per_connection"]) / 1000,
    ),
    Line(
        "memory-tls-haproxy",
        "gateway and haproxy memory per idle connection by TLS",
        "KB",
        lambda r: float(r["bytes_per_connection"]) / 1000,
    ),
    _in("events", "event_p50_ms", "event, committed to delivered, p50"),
    _in("events", "event_p99_ms", "event, committed to delivered, p99", target=100),
    _in("events", "streamed_p50_ms", "- committed to streamed, p50"),
    _in("events", "streamed_p99_ms", "- committed to streamed, p99", target=200),
    _in("events", "messages_per_s", "- at", "msg/s", target=1990, more_is_better=True),
    Line(
        "fairness",
        f"p99 of others that one party's trouble makes more than {TARGET:g} times as long",
        "of 24",
        lambda result: unfair([result]),
        target=0,
        joined=unfair,
    ),
    *_query("page", "page of transactions", 20),
    *_query("meter-values", "a transaction's meter values", 20),
    *_query("month", "a station's transactions of a month", 50),
    *_query("station-day", "a station's events of a day", 200, "history"),
    *_query("rare-type", "a rare event of the fleet, of all days", 200, "history"),
    *_query("charging-hour", "a page of an hour's transaction events", 200, "history"),
    Line(
        "idle",
        "idle cost of 10,000 stations",
        "% of a core",
        lambda r: 100 * float(r["idle_cost"]),
        target=5,
    ),
)

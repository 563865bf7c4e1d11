"""What is measured: each case's load, how big it is, and what it must reach."""

from dataclasses import dataclass
from typing import Literal

from bench.driver.connecting_loads import MEMORY_WARM_UP_STATIONS
from bench.driver.plan import Load

PASSWORD = "bench-password-of-24-chr"  # noqa: S105
MILLION = 1_000_000
GATEWAYS_CURVE = "gateways-curve"
TENANTS = "tenants"
INTEGRATION = "integration"
BILLING = "billing"


TlsEnd = Literal["gateway", "haproxy"]
Whose = Literal["one-tenant", "many-tenants"]
There = Literal["on", "off"]


@dataclass(frozen=True, slots=True)
class Size:
    """How big a load is."""

    stations: int
    seconds: float = 0.0
    """Of `fairness`: for each party in trouble, and for nobody."""
    rate: float = 0.0
    stored: int | None = None
    """With exactly so many meter values stored before; None: with what there is."""
    days: int = 0
    """With the events of so many days of so many stations stored before, and no others."""
    queries: int = 0
    """How often each kind of query is asked."""
    bursts: int = 0
    """How often the stations start at once with each use of tokens."""


@dataclass(frozen=True, slots=True)
class Case:
    """One measure; `--only` names it or its group."""

    name: str
    load: Load
    full: Size
    quick: Size
    group: str = ""
    baseline: bool = True
    password: str = ""
    one_gateway: bool = False
    in_fresh_suite: bool = False
    """Whether each round must be the first thing that happens to its processes."""
    gateways: int = 2
    """How many the suite has; any other number than this has suites of its own."""
    events: bool = False
    tls: TlsEnd | None = None
    """Who ends the TLS that the stations come by; None: they come without."""
    whose: Whose | None = None
    """Whose the stations are, of which ten times as many are stored; None: `default`'s."""
    beside: str | None = None
    """Of which service it is measured what it costs; its cases alternate in a suite of theirs."""
    there: There = "on"
    """Whether that service is there."""
    in_quick: bool = True
    """Whether a quick run of everything holds it; else only a quick run of it alone."""


def _stations_name(stations: int) -> str:
    return f"{stations // 1000}k" if stations >= 1000 else str(stations)


def _sessions_at(stations: int) -> Case:
    return Case(
        f"sessions-{_stations_name(stations)}",
        "sessions",
        Size(stations, seconds=15),
        Size(max(stations // 10, 5), seconds=2),
        group="sessions-curve",
        in_quick=False,
    )


def _sessions_over(gateways: int) -> Case:
    return Case(
        f"sessions-over-{gateways}",
        "sessions",
        Size(300, seconds=12),
        Size(50, seconds=3),
        group=GATEWAYS_CURVE,
        baseline=False,
        in_fresh_suite=True,
        gateways=gateways,
        in_quick=False,
    )


def _of_tenants(load: Literal["sessions", "meter-values"], whose: Whose) -> Case:
    return Case(
        f"{load}-of-{whose}",
        load,
        Size(1000, seconds=15),
        Size(100, seconds=3),
        group=TENANTS,
        baseline=False,
        in_fresh_suite=True,
        whose=whose,
        in_quick=False,
    )


def _sessions_beside(group: str, there: There) -> Case:
    return Case(
        f"sessions-{group}-{there}",
        "sessions",
        Size(300, seconds=20),
        Size(50, seconds=3),
        group=group,
        baseline=False,
        beside=f"{group}-service",
        there=there,
        in_quick=False,
    )


def _stored_name(stored: int) -> str:
    return f"{stored // MILLION}m" if stored >= MILLION else f"{stored // 1000}k"


# haproxy has two files for each: as many as fit the limit of 20,000 that it is deployed with.
_HELD_OVER_TLS: dict[TlsEnd, int] = {"gateway": 10_000, "haproxy": 9000}


def _over_tls(load: Literal["connect", "memory"], end: TlsEnd) -> Case:
    warm_up = MEMORY_WARM_UP_STATIONS if load == "memory" else 0
    return Case(
        f"{load}-tls-{end}",
        load,
        Size((_HELD_OVER_TLS[end] if load == "memory" else 5000) + warm_up),
        Size(200 + warm_up),
        group="tls",
        baseline=False,
        password=PASSWORD,
        in_fresh_suite=load == "memory",
        tls=end,
        in_quick=False,
    )


def _meter_values_after(stored: int) -> Case:
    return Case(
        f"meter-values-after-{_stored_name(stored)}",
        "meter-values",
        Size(300, seconds=15, stored=stored),
        Size(30, seconds=2, stored=max(stored // 200, 480)),
        group="stored-curve",
        baseline=False,
        in_quick=False,
    )


CASES = (
    # Memory shows only in processes that have not grown yet.
    Case(
        "memory",
        "memory",
        Size(10_000 + MEMORY_WARM_UP_STATIONS),
        Size(500 + MEMORY_WARM_UP_STATIONS),
        one_gateway=True,
        in_fresh_suite=True,
    ),
    Case("idle", "idle", Size(10_000, seconds=60), Size(300, seconds=3), baseline=False),
    Case(
        "light",
        "paced",
        Size(50, seconds=20, rate=27),
        Size(50, seconds=4, rate=27),
    ),
    Case("starts", "starts", Size(20, bursts=33), Size(20, bursts=6), baseline=False),
    Case("sessions", "sessions", Size(300, 20), Size(100, 3)),
    Case("meter-values", "meter-values", Size(300, 20), Size(100, 3)),
    Case(
        "meter-values-5k",
        "meter-values",
        Size(5000, 20),
        Size(300, 3),
        baseline=False,
        in_quick=False,
    ),
    Case("connect", "connect", Size(5000), Size(200), password=PASSWORD),
    *(_over_tls(load, end) for load in ("connect", "memory") for end in ("gateway", "haproxy")),
    Case("commands", "commands", Size(60, 6), Size(60, 1.5)),
    Case(
        "events",
        "paced",
        Size(300, seconds=20, rate=2000),
        Size(100, seconds=3, rate=200),
        baseline=False,
        events=True,
    ),
    Case(
        "fairness",
        "fairness",
        Size(50, seconds=20, rate=60),
        Size(20, seconds=4, rate=30),
        baseline=False,
        in_quick=False,
    ),
    *(_sessions_at(stations) for stations in (10, 100, 1000, 5000)),
    *(_sessions_over(gateways) for gateways in (1, 2, 3, 4, 6, 8)),
    *(
        _of_tenants(load, whose)
        for load in ("sessions", "meter-values")
        for whose in ("one-tenant", "many-tenants")
    ),
    *(_sessions_beside(INTEGRATION, there) for there in ("on", "off")),
    *(_sessions_beside(BILLING, there) for there in ("on", "off")),
    *(_meter_values_after(stored) for stored in (10_000, 100_000, MILLION)),
    _meter_values_after(10 * MILLION),
    Case(
        "queries",
        "queries",
        Size(0, stored=10 * MILLION, queries=300),
        Size(0, stored=48_000, queries=20),
        baseline=False,
    ),
    # A day less than facts are kept: nothing is deleted meanwhile.
    Case(
        "history",
        "queries",
        Size(10_000, days=29, queries=300),
        Size(1000, days=2, queries=20),
        baseline=False,
        in_fresh_suite=True,
        in_quick=False,
    ),
)
NAMES = tuple(dict.fromkeys(name for case in CASES for name in (case.name, case.group) if name))


@dataclass(frozen=True, slots=True)
class Turn:
    """One round of a case, of both systems."""

    case: Case
    size: Size
    number: int


def sittings(cases: list[Case], rounds: int, *, quick: bool) -> list[list[Turn]]:
    """Return what each suite that is started measures, in order; most turns share the last one.

    The rounds of those that need suites of their own alternate with each other.
    """

    def turn(case: Case, number: int) -> Turn:
        return Turn(case, case.quick if quick else case.full, number)

    numbers = range(1, rounds + 1)

    def alternating(these: list[Case]) -> list[Turn]:
        # Who goes first alternates, so that nobody always meets the warmer machine.
        return [
            turn(case, number)
            for number in numbers
            for case in (these if number % 2 else reversed(these))
        ]

    fresh = [case for case in cases if case.in_fresh_suite]
    beside = [
        [case for case in cases if case.group == group and case.beside is not None]
        for group in (INTEGRATION, BILLING)
    ]
    others = [case for case in cases if case not in fresh and case.beside is None]
    together = [turn(case, number) for case in others for number in numbers]
    sat = [*([one] for one in alternating(fresh)), *map(alternating, beside), together]
    return [turns for turns in sat if turns]


def chosen(only: list[str], *, quick: bool) -> list[Case]:
    """Return the cases of a run, in the order in which they are measured."""
    if only:
        return [case for case in CASES if case.name in only or case.group in only]
    return [case for case in CASES if case.in_quick or not quick]

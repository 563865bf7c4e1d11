"""Sessions as stations tell them, made from a seed: plausible ones, and nasty ones.

`traits` name what a session has that another opinion on it may see differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.models.billing_oracle.clock_changes import FIRST, LAST, clock_changes

# With whole, half and quarter hours, clock changes of 30 minutes, at midnight, and in Ramadan.
ZONES = (
    "Europe/Amsterdam",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "UTC",
)
POWERS = (0, 0, 0, 1380, 3680, 7360, 11000, 16000, 22000, 32000, 50000, 150000)  # W
STATUSES = ("Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing")


@dataclass
class GeneratedSession:
    """A session, and what a tariff that wants to be nasty to it needs to know."""

    session: dict[str, Any]
    traits: set[str]
    start: int
    duration: int
    phases: list[tuple[int, int]]  # (elapsed, W from then on)
    energies: list[float] = field(default_factory=list)  # Wh since the start, at some reading


def written(at: int) -> str:
    """Write an instant as the API does."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration_of(random: Random, traits: set[str]) -> int:
    """Give a duration: mostly minutes to hours."""
    kind = random.random()
    if kind < 0.01:
        traits.add("no time")
        return 0
    if kind < 0.06:
        return random.randint(1, 59)
    if kind < 0.99:
        return int(60 * 150 ** random.random())  # 1 minute to 2.5 hours
    traits.add("long")
    return random.randint(3, 30) * 3600 + random.randint(0, 3599)


def start_of(random: Random, zone_name: str, duration: int, traits: set[str]) -> int:
    """Give a start from which the session passes something, or anything."""
    at = random.randint(FIRST, LAST - 1)
    kind = random.random()
    changes = clock_changes(zone_name)
    if kind < 0.25 and changes:
        traits.add("near a clock change")
        at = random.choice(changes)
    elif kind < 0.5:
        local = datetime.fromtimestamp(at, ZoneInfo(zone_name))
        at -= local.hour * 3600 + local.minute * 60 + local.second  # about local midnight
    elif kind < 0.65:
        at -= at % 3600
    return at - random.choice((0, duration, random.randint(0, duration), duration // 2))


def phases_of(random: Random, duration: int) -> list[tuple[int, int]]:
    """Give what the car draws: a power from each of some moments on."""
    moments = sorted({0, *(random.randint(0, duration) for _ in range(random.randint(0, 5)))})
    return [(moment, random.choice((*POWERS, random.randint(100, 60000)))) for moment in moments]


def drawn(phases: Sequence[tuple[int, int]], elapsed: int) -> float:
    """Give the Wh that the car has drawn by a moment."""
    ends = [*(moment for moment, _ in phases[1:]), elapsed]
    return sum(
        power * (min(end, elapsed) - moment) / 3600
        for (moment, power), end in zip(phases, ends, strict=True)
        if moment < elapsed
    )


def moments_of(
    random: Random, phases: Sequence[tuple[int, int]], duration: int, traits: set[str]
) -> list[int]:
    """Give when the station reads its register."""
    style = random.choice(("none", "regular", "regular", "regular", "random", "phases"))
    moments: list[int] = []
    if style == "none":
        traits.add("no readings")
    elif style == "regular":
        interval = random.choice((30, 60, 60, 300, 300, 900, random.randint(10, 1000)))
        interval = max(interval, duration // 150)
        moments = list(range(random.randint(0, interval), duration + 1, interval))
    elif style == "random":
        moments = sorted(random.randint(0, duration) for _ in range(random.randint(1, 20)))
    else:
        moments = [moment for moment, _ in phases]
    if len(moments) > 4 and random.random() < 0.25:
        traits.add("gap")
        first = random.randrange(len(moments) - 2)
        del moments[first : random.randint(first + 2, len(moments))]
    return moments


def spoil(random: Random, readings: list[dict[str, Any]], start: int, duration: int) -> None:
    """Add readings that can't be right."""
    for _ in range(random.randint(1, 3)):
        like = random.choice(readings)
        at = start + random.choice((random.randint(0, duration), -60, duration + 60))
        wrong = random.choice((0, 10**8, -5000, like["energy_wh"] - random.randint(1, 2000)))
        readings.append({"at": written(at), "energy_wh": wrong})


def status_of(
    random: Random, phases: Sequence[tuple[int, int]], start: int, duration: int
) -> list[dict[str, Any]]:
    """Give what the station says of itself, sometimes two things at once."""
    if random.random() < 0.4:
        return []
    moments = {moment for moment, _ in phases if random.random() < 0.7}
    moments |= {random.randint(-300, duration + 60) for _ in range(random.randint(0, 4))}
    said = [
        {"at": written(start + moment), "status": random.choice(STATUSES)}
        for moment in sorted(moments)
    ]
    if said and random.random() < 0.1:
        said.append(random.choice(said) | {"status": random.choice(STATUSES)})
    if random.random() < 0.1:
        random.shuffle(said)
    return said


def currents_of(
    random: Random, phases: Sequence[tuple[int, int]], start: int, duration: int, traits: set[str]
) -> list[dict[str, Any]]:
    """Give what the station measures of the current, as that of the power or as it likes."""
    traits.add("current measured")
    samples = [
        {"at": written(start + moment), "amperes": round(power / 230, random.choice((0, 1, 3)))}
        for moment, power in phases
        if random.random() < 0.8
    ]
    for _ in range(random.randint(0, 4)):
        at = start + random.randint(-300, duration + 60)
        samples.append({"at": written(at), "amperes": random.choice((0, 6, 16, 31.9, 32, 43.5))})
    if samples and random.random() < 0.1:
        samples.append(random.choice(samples) | {"amperes": random.choice((6, 16, 32))})
    if random.random() < 0.1:
        random.shuffle(samples)
    return samples


def reservation_of(random: Random, start: int, zone_name: str) -> dict[str, Any]:
    """Give the reservation that a session uses, which ends when the session starts."""
    return {
        "reserved_at": written(start - random.choice((0, 600, random.randint(0, 2 * 3600)))),
        "ended_at": written(start),
        "time_zone": zone_name,
        "expired": False,
    }


def generated_session(random: Random) -> GeneratedSession:
    """Make a session."""
    traits: set[str] = set()
    zone_name = random.choice(ZONES)
    duration = duration_of(random, traits)
    start = start_of(random, zone_name, duration, traits)
    phases = phases_of(random, duration)
    decimals = random.choice((0, 0, 0, 1, 3))
    meter_start = round(random.choice((0, random.uniform(0, 10**7))), decimals)

    def register(elapsed: int) -> float:
        return round(meter_start + drawn(phases, elapsed), decimals)

    readings: list[dict[str, Any]] = [
        {"at": written(start + elapsed), "energy_wh": register(elapsed)}
        for elapsed in moments_of(random, phases, duration, traits)
    ]
    meter_stop = register(duration)
    if duration == 0 and random.random() < 0.5:
        traits.add("energy in no time")
        meter_stop = round(meter_start + random.randint(1, 20000), decimals)
    energies = [reading["energy_wh"] - meter_start for reading in readings]
    if readings and random.random() < 0.15:
        readings.append(dict(random.choice(readings)))
    if readings and random.random() < 0.06:
        traits.add("wrong readings")
        spoil(random, readings, start, duration)
    if random.random() < 0.1:
        random.shuffle(readings)
    energies.append(meter_stop - meter_start)
    stops_at = start + duration
    if random.random() < 0.01:
        traits.add("stop before start")
        stops_at = start - random.randint(1, 3600)
    meter_told: float | None = meter_stop
    if random.random() < 0.06:
        traits.add("no stop of the register")
        meter_told = random.choice((None, meter_start - random.randint(1, 5000)))
    session: dict[str, Any] = {
        "started_at": written(start),
        "stopped_at": written(stops_at),
        "time_zone": zone_name,
        "meter_start": meter_start,
        "meter_stop": meter_told,
        "readings": readings,
        "status": status_of(random, phases, start, duration),
    }
    if random.random() < 0.5:
        session["currents"] = currents_of(random, phases, start, duration, traits)
    if random.random() < 0.1:
        traits.add("reserved before")
        session["reservation"] = reservation_of(random, start, zone_name)
    return GeneratedSession(session, traits, start, duration, phases, energies)

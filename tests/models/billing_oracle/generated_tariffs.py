"""Tariffs made from a seed, with limits at and beside what a session meets."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.models.billing_oracle.generated_sessions import GeneratedSession
from tests.models.billing_oracle.seconds import WEEKDAYS
from tests.models.billing_oracle.totals import DECIMALS

PRICES = (0, 0.01, 0.2, 0.25, 0.3333, 0.4567, 1, 1.25, 2.5, 5, 12.3456)
VATS = (None, 0, 5.2, 10, 10, 19, 20, 21, 7.7)
STEP_SIZES = {
    "ENERGY": (0, 1, 1, 1, 25, 100, 500, 1000),
    "TIME": (0, 1, 1, 1, 60, 300, 600, 900, 1800),
    "PARKING_TIME": (0, 1, 1, 60, 300, 900, 3600),
    "FLAT": (0, 1),
}
Restrictions = dict[str, Any]
Maker = Callable[[Random, GeneratedSession], Restrictions]


def some_moment(random: Random, generated: GeneratedSession) -> datetime:
    """Give a local time in the session, or just at its ends."""
    elapsed = random.choice((0, generated.duration, random.randint(0, generated.duration)))
    zone = ZoneInfo(generated.session["time_zone"])
    return datetime.fromtimestamp(generated.start + elapsed, zone)


def hours(random: Random, generated: GeneratedSession) -> Restrictions:
    """Restrict to hours that begin or end about then; they may wrap around midnight."""
    moment = some_moment(random, generated)
    minute = moment.hour * 60 + moment.minute + random.choice((0, 0, 1, -1, 30, -moment.minute))
    other = minute + random.choice((0, 1, 15, 60, 180, 480, 720, 1200, 1439, -minute))
    start, end = minute % 1440, other % 1440
    if random.random() < 0.4:
        start, end = end, start
    given = {
        "start_time": f"{start // 60:02}:{start % 60:02}",
        "end_time": f"{end // 60:02}:{end % 60:02}",
    }
    if random.random() < 0.1:
        del given[random.choice(("start_time", "end_time"))]
    return given


def weekdays(random: Random, generated: GeneratedSession) -> Restrictions:
    """Restrict to days of the week, often that of the session."""
    if random.random() < 0.5:
        return {"day_of_week": [WEEKDAYS[some_moment(random, generated).weekday()]]}
    return {"day_of_week": random.sample(WEEKDAYS, random.randint(1, 6))}


def dates(random: Random, generated: GeneratedSession) -> Restrictions:
    """Restrict to dates that begin or end about then."""
    day: date = some_moment(random, generated).date()
    first = day + timedelta(random.randint(-1, 1))
    given = {"start_date": str(first), "end_date": str(first + timedelta(random.randint(1, 3)))}
    if random.random() < 0.4:
        del given[random.choice(("start_date", "end_date"))]
    return given


def between(random: Random, name: str, values: list[float], decimals: int) -> Restrictions:
    """Restrict a figure from below, from above, or both."""
    low, high = sorted(round(abs(value), decimals) for value in random.choices(values, k=2))
    kind = random.random()
    if kind < 0.4:
        return {f"min_{name}": low}
    if kind < 0.8 or low == high:
        return {f"max_{name}": high}
    return {f"min_{name}": low, f"max_{name}": high}


def energy(random: Random, generated: GeneratedSession) -> Restrictions:
    """Restrict the energy, often exactly where a reading is."""
    most = max(generated.energies) / 1000
    met = random.choice(generated.energies) / 1000
    return between(random, "kwh", [met, random.uniform(0, most), round(most / 2)], 4)


def power(random: Random, generated: GeneratedSession) -> Restrictions:
    """Restrict the power, often exactly to what the car draws."""
    _, watts = random.choice(generated.phases)
    return between(random, "power", [watts / 1000, random.uniform(1, 50), 16], 4)


def current(random: Random, generated: GeneratedSession) -> Restrictions:
    """Restrict the current, often exactly to what was measured."""
    samples = generated.session.get("currents") or [{"amperes": 6}]
    return between(random, "current", [random.choice(samples)["amperes"], 16, 32, 43.5], 4)


def duration(random: Random, generated: GeneratedSession) -> Restrictions:
    """Restrict the duration."""
    moment, _ = random.choice(generated.phases)
    values = [moment, random.randint(0, generated.duration + 60), 1800, generated.duration]
    restrictions = between(random, "duration", [float(value) for value in values], 0)
    return {name: int(value) for name, value in restrictions.items()}


def reservation(random: Random, generated: GeneratedSession) -> Restrictions:
    """Make the element one for reservations."""
    return {"reservation": random.choice(("RESERVATION", "RESERVATION_EXPIRES"))}


MAKERS: dict[str, Maker] = {
    "hours": hours,
    "weekdays": weekdays,
    "dates": dates,
    "energy limit": energy,
    "power limit": power,
    "current limit": current,
    "duration limit": duration,
    "reservation": reservation,
}
WEIGHTS = (6, 3, 2, 5, 4, 1.5, 4, 1)
PAIRS = (
    ("start_date", "end_date"),
    *((f"min_{name}", f"max_{name}") for name in ("kwh", "power", "current", "duration")),
)


def satisfiable(restrictions: Restrictions) -> Restrictions:
    """Leave out upper limits that nothing would ever be below: such a tariff is refused."""
    for least, most in PAIRS:
        upper = restrictions.get(most)
        if upper == 0 or (upper and least in restrictions and upper <= restrictions[least]):
            del restrictions[most]
    return restrictions


def dimensions_of(random: Random, many: int, restrictions: Restrictions) -> list[str]:
    """Draw what an element prices: a reservation has a fee and a time only."""
    drawn = random.sample(sorted(STEP_SIZES), many)
    if "reservation" in restrictions:
        return [dimension for dimension in drawn if dimension in ("FLAT", "TIME")] or ["TIME"]
    return drawn


def component(random: Random, dimension: str, decimals: int, traits: set[str]) -> dict[str, Any]:
    """Make a price component."""
    price = random.choice(PRICES) * (100 if decimals == 0 else 1)
    step_size = random.choice(STEP_SIZES[dimension])
    made = {"type": dimension, "price": round(price, 4), "step_size": step_size}
    vat = random.choice(VATS)
    if vat is not None:
        made["vat"] = vat
    if step_size > 1:
        traits.add(f"{dimension} in steps")
    return made


def limit(random: Random, likely: float, decimals: int, traits: set[str]) -> dict[str, float]:
    """Make a minimum or maximum price, in whole minor units."""
    excl_vat = round(likely * random.uniform(0.2, 2.5), decimals)
    price = {"excl_vat": excl_vat}
    if random.random() < 0.6:
        price["incl_vat"] = round(excl_vat * random.choice((1, 1.1, 1.19, 1.2)), decimals)
    else:
        traits.add("price limit without VAT")
    return price


def keep_above(most: dict[str, float], least: dict[str, float], decimals: int) -> None:
    """Raise a maximum that is below the minimum, which would mean nothing."""
    most["excl_vat"] = max(most["excl_vat"], least["excl_vat"])
    if "incl_vat" in most:
        most["incl_vat"] = round(most["excl_vat"] * 1.2, decimals)


def generated_tariff(random: Random, generated: GeneratedSession) -> dict[str, Any]:
    """Make a tariff for a session, and add its traits to those of the session."""
    traits = generated.traits
    currency = random.choice(("EUR", "EUR", "EUR", *sorted(DECIMALS)))
    decimals = DECIMALS[currency]
    elements: list[dict[str, Any]] = []
    for _ in range(random.choice((0, 1, 1, 2, 2, 3, 4, 9))):
        restrictions: Restrictions = {}
        for name in random.choices(list(MAKERS), WEIGHTS, k=random.choice((1, 1, 1, 2, 3))):
            restrictions |= MAKERS[name](random, generated)
            traits.add(name)
        dimensions = dimensions_of(random, random.choice((1, 1, 2, 2, 3, 4)), restrictions)
        made = [component(random, dimension, decimals, traits) for dimension in dimensions]
        elements.append({"price_components": made, "restrictions": satisfiable(restrictions)})
        if "FLAT" in dimensions:
            traits.add("restricted FLAT")
    if not elements or random.random() < 0.6:
        dimensions = random.sample(sorted(STEP_SIZES), random.choice((1, 2, 3, 4)))
        made = [component(random, dimension, decimals, traits) for dimension in dimensions]
        elements.append({"price_components": made})
    tariff: dict[str, Any] = {"currency": currency, "elements": elements}
    likely = max(generated.energies) / 1000 * 0.5 + generated.duration / 3600 * 2 + 1
    likely *= 100 if decimals == 0 else 1
    if random.random() < 0.2:
        traits.add("minimum")
        tariff["min_price"] = limit(random, likely, decimals, traits)
    if random.random() < 0.2:
        traits.add("maximum")
        tariff["max_price"] = limit(random, likely, decimals, traits)
        if "min_price" in tariff:
            keep_above(tariff["max_price"], tariff["min_price"], decimals)
    return tariff

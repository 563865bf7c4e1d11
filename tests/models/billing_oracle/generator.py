"""Cases for a comparison: a tariff and a session from each seed, the same ones every time."""

from dataclasses import dataclass
from random import Random
from typing import Any

from tests.models.billing_oracle.generated_sessions import (
    ZONES,
    generated_session,
    start_of,
    written,
)
from tests.models.billing_oracle.generated_tariffs import generated_tariff


@dataclass(frozen=True)
class Case:
    """A session and the tariff that prices it. Both are as a client of the API would send them.

    `traits` name what is special, to group the differences between two opinions, and to leave
    out what one of them does not claim to know.
    """

    seed: int
    tariff: dict[str, Any]
    session: dict[str, Any]
    traits: frozenset[str]


def case(seed: int) -> Case:
    """Make the case of a seed."""
    random = Random(seed)
    generated = generated_session(random)
    tariff = generated_tariff(random, generated)
    return Case(seed, tariff, generated.session, frozenset(generated.traits))


def reservation_case(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make a tariff with prices of reservations, and a reservation."""
    random = Random(seed)
    generated = generated_session(random)
    tariff = generated_tariff(random, generated)
    for element in tariff["elements"]:
        if random.random() < 0.7:
            kind = random.choice(("RESERVATION", "RESERVATION_EXPIRES"))
            element["restrictions"] = element.get("restrictions", {}) | {"reservation": kind}
            element["price_components"] = [
                component
                for component in element["price_components"]
                if component["type"] in ("TIME", "FLAT")
            ] or [{"type": "TIME", "price": 3, "step_size": 60}]
    zone_name = random.choice(ZONES)
    lasting = random.randint(0, 2 * 3600)
    start = start_of(random, zone_name, lasting, set())
    reservation = {
        "reserved_at": written(start),
        "ended_at": written(start + lasting),
        "time_zone": zone_name,
        "expired": random.random() < 0.5,
    }
    return tariff, reservation

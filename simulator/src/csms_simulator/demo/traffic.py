"""What goes on while the demo runs: drivers come by the hour, and lines get lost now and then."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from csms_simulator.demo.charger import SAMPLE_INTERVAL_S, DemoStation
from csms_simulator.demo.day import busyness
from csms_simulator.demo.network import BLOCKED, EXPIRED, KEPT_FREE, Card
from csms_simulator.session_script import SessionPlan, run_session

_BUSIEST_GAP_S = 9.0
_QUIETEST = 0.12
# Fewer than this share of the connectors in the busiest hour: the next driver comes at once.
_FILLED = 0.4
_RUSH_GAP_S = 0.4
_MINUTES_STAYED = (2, 9)
_USELESS_CARDS = 0.06
_OUTAGE_GAP_S = 90.0
_END_STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Crowd:
    """The stations of a tenant, and the cards of those who charge there."""

    stations: Sequence[DemoStation]
    cards: tuple[Card, ...]
    refused: tuple[Card, ...] = (BLOCKED, EXPIRED)


async def let_drivers_come(crowd: Crowd) -> None:
    """Send one driver after the other, to places that are busy at this hour, until cancelled."""
    chance = random.Random()
    while True:
        now = datetime.now(UTC)
        busy = [
            busyness(station.stand.site.rhythm, now.astimezone(station.stand.site.zone))
            for station in crowd.stations
        ]
        place = chance.choices(crowd.stations, [max(each, 0.01) for each in busy])[0]
        free = [
            connector
            for connector in place.free_connectors()
            if (place.station_id, connector) not in KEPT_FREE and place.link.online.is_set()
        ]
        if free:
            place.spawn(_visit(place, chance.choice(free), crowd, chance))
        share = max(sum(busy) / len(busy), _QUIETEST)
        connectors = sum(len(station.meters) for station in crowd.stations)
        charging = sum(len(station.sessions) for station in crowd.stations)
        is_empty = charging < share * _FILLED * connectors
        gap_s = _RUSH_GAP_S if is_empty else _BUSIEST_GAP_S / share
        await asyncio.sleep(chance.expovariate(1 / gap_s))


async def _visit(station: DemoStation, connector: int, crowd: Crowd, chance: random.Random) -> None:
    useless = crowd.refused and chance.random() < _USELESS_CARDS
    card = chance.choice(crowd.refused if useless else crowd.cards)
    samples = chance.uniform(*_MINUTES_STAYED) * 60 / SAMPLE_INTERVAL_S
    plan = SessionPlan(
        samples=round(samples),
        sample_interval=SAMPLE_INTERVAL_S,
        power_w=station.stand.model.power_w,
        stop_reason=chance.choice(("Local", "Local", "EVDisconnected")),
    )
    await run_session(station, connector, card.id_token, plan)


async def lose_lines(stations: Sequence[DemoStation]) -> None:
    """Cut one connection after the other, until cancelled; each comes back by itself."""
    chance = random.Random()
    while True:
        await asyncio.sleep(chance.uniform(0.5, 1.5) * _OUTAGE_GAP_S)
        await chance.choice(stations).link.drop()


async def end_sessions(stations: Sequence[DemoStation], within_s: float) -> int:
    """Have every session stopped and told; return how many messages could not be delivered."""
    try:
        async with asyncio.timeout(within_s):
            while running := [one for each in stations for one in each.sessions.values()]:
                for session in running:
                    session.request_stop("Local")
                await asyncio.sleep(_END_STEP_S)
            for station in stations:
                await station.queue.wait_empty(within_s)
    except TimeoutError:
        pass
    return sum(len(station.queue) for station in stations)

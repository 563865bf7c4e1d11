"""What happened before the demo was started: told with its own times, as after an outage.

The meters go on from where the suite knows them to be, and nothing is told twice.
"""

import random
from datetime import UTC, datetime, timedelta

from csms_simulator.demo import day
from csms_simulator.demo.charger import SAMPLE_INTERVAL_S, CarSession, DemoStation
from csms_simulator.demo.network import FORGETFUL, KEPT_FREE, Card
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, charge_until_end
from csms_simulator.wire import Payload, read_timestamp

PAST = timedelta(days=3)
_STEP = timedelta(minutes=1)
_FAST_SAMPLES, _SLOW_SAMPLES = timedelta(minutes=5), timedelta(minutes=15)
_VALUES_A_MESSAGE = 12


async def catch_up(station: DemoStation, operator: Operator, cards: tuple[Card, ...]) -> None:
    """Queue what a station has not told yet; sessions that still run go on by themselves."""
    now = datetime.now(UTC).replace(microsecond=0)
    place = station.stand.site
    told: list[tuple[int, day.PlannedSession]] = []
    for connector in station.meters:
        begin = await _known_until(station, connector, operator, now)
        name = f"{station.station_id}/{connector}"
        fast = station.stand.model.is_fast
        came = day.sessions(name, place.rhythm, place.zone, fast, begin, now)
        told += [(connector, one) for one in came]
    told.sort(key=lambda each: each[1].starts_at)
    forgets = station.station_id == FORGETFUL
    for connector, planned in told:
        card = cards[int(planned.whose * len(cards))]
        session, told_until = _tell(station, connector, planned, card, now)
        if forgets and told_until < now - PAST / 2:
            # Its stop never comes: the next session of this connector shows that it is over.
            station.sessions.pop(connector)
            forgets = False
        elif (
            planned.ends_at - now > _STEP
            and not session.is_done
            and (station.station_id, connector) not in KEPT_FREE
        ):
            station.spawn(_go_on(station, session, planned.ends_at - now))
        else:
            session.stop(at=told_until)


def _tell(
    station: DemoStation, connector: int, planned: day.PlannedSession, card: Card, until: datetime
) -> tuple[CarSession, datetime]:
    """Queue a start and what the meter showed; return the session and the time of its end."""
    session = station.open_session(connector, card.id_token, planned.vehicle)
    session.charging_since = moment = planned.starts_at
    session.start(at=moment)
    interval = _FAST_SAMPLES if station.stand.model.is_fast else _SLOW_SAMPLES
    values: list[Payload] = []
    while moment + _STEP <= min(planned.ends_at, until) and not session.is_done:
        moment += _STEP
        power_w = session.power_at(moment)
        session.charge(round(power_w * _STEP.total_seconds() / 3600), power_w)
        if not (moment - planned.starts_at) % interval:
            values.append(session.meter_value("Sample.Periodic", moment))
    for first in range(0, len(values), _VALUES_A_MESSAGE):
        session.report(values[first : first + _VALUES_A_MESSAGE])
    return session, moment


async def _go_on(station: DemoStation, session: CarSession, rest: timedelta) -> None:
    await station.report_connector(session.connector_id, "Charging")
    plan = SessionPlan(
        samples=round(rest.total_seconds() / SAMPLE_INTERVAL_S),
        sample_interval=SAMPLE_INTERVAL_S,
        power_w=station.stand.model.power_w,
    )
    await charge_until_end(station, session, plan)


async def _known_until(
    station: DemoStation, connector: int, operator: Operator, now: datetime
) -> datetime:
    """Set the meter to what the suite has of it, and return the time from which it has nothing."""
    page = await operator.get(
        "/transactions", station_id=station.station_id, connector_id=connector, limit=1
    )
    if not page["items"]:
        seed = f"{station.station_id} {connector}"
        station.meters[connector] = random.Random(seed).randint(90_000, 9_000_000)
        return now - PAST
    last = page["items"][0]
    charged = last["energy_wh"] or (last.get("live") or {}).get("energy_wh") or 0
    station.meters[connector] = int(last["meter_start"] + charged)
    if last["status"] != "active":
        ended = read_timestamp(last["stopped_at"] or last["started_at"])
        return max(now - PAST, ended + _STEP, station.told_until or ended)
    # The demo was ended without a chance to stop it.
    await station.call(
        "StopTransaction",
        {
            "transactionId": last["transaction_id"],
            "meterStop": station.meters[connector],
            "timestamp": station.timestamp(),
            "reason": "PowerLoss",
        },
    )
    return now

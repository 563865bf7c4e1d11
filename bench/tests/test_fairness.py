import asyncio
from collections import defaultdict
from typing import Any

import pytest

from bench.driver.charging import ChargingStation
from bench.driver.fairness_load import Everybody, TimedStation
from bench.driver.frames import ACTIONS, CALLS_PER_SESSION
from bench.driver.plan import Plan
from bench.driver.station import Tally
from bench.fairness import KINDS, TROUBLED_STATIONS, Halves, order_of, untroubled
from bench.fairness_table import HEAD, fairness_rows, ratio_of, unfair
from bench.troubles import Trouble

PARTIES = [trouble for trouble in Trouble if trouble is not Trouble.NOBODY]


def a_round(nobody_ms: float, beside_ms: float) -> dict[str, Any]:
    def half(ms: float) -> dict[str, Any]:
        return {kind: {"p50_ms": ms / 2, "p99_ms": ms, "count": 100} for kind in KINDS}

    halves = {trouble.value: half(beside_ms) for trouble in PARTIES}
    return {"halves": {**halves, Trouble.NOBODY.value: half(nobody_ms)}}


def halves(answered: dict[Trouble, int]) -> Halves:
    return {trouble: {"troubled_answered": count} for trouble, count in answered.items()}


def test_a_ratio_is_one_of_halves_of_the_same_round() -> None:
    slow_hour, fast_hour, noise = a_round(40, 44), a_round(10, 12), a_round(10, 90)
    rounds = [slow_hour, fast_hour, noise]
    assert ratio_of(rounds, Trouble.GATEWAY, "decisions") == pytest.approx(1.2)
    [row, *_] = fairness_rows(rounds)
    assert dict(zip(HEAD, row, strict=True)) == {
        "in trouble": "deaf gateway",
        "everybody else's": "heartbeats",
        "p50 ms without": "5.0",
        "p50 ms beside it": "22.0",
        "p99 ms without": "10.0",
        "p99 ms beside it": "44.0",
        "ratio of p99": "1.20",
        "target": "<= 1.5",
        "": "reached",
    }


def test_every_party_and_kind_has_a_row_and_is_judged() -> None:
    rows = fairness_rows([a_round(10, 16)])
    assert [(row[0], row[1]) for row in rows] == [
        (t.value, kind) for t in PARTIES for kind in KINDS
    ]
    assert {row[-1] for row in rows} == {"MISSED"}
    assert unfair([a_round(10, 16)]) == len(rows) == 24
    assert unfair([a_round(10, 15)]) == 0
    assert fairness_rows([]) == []


def test_rounds_begin_with_different_parties_and_have_all_of_them() -> None:
    orders = [order_of(number) for number in range(1, 6)]
    assert {order[0] for order in orders} == set(Trouble)
    assert all(set(order) == set(Trouble) for order in orders)


def test_a_trouble_that_did_not_happen_is_a_difference() -> None:
    served = dict.fromkeys(Trouble, 200)
    assert untroubled(halves({**served, Trouble.GATEWAY: TROUBLED_STATIONS})) == []
    assert len(untroubled(halves(served))) == 1
    still_in_trouble = {**served, Trouble.GATEWAY: 0, Trouble.REQUEST: 0}
    assert len(untroubled(halves(still_in_trouble))) == 1


async def test_before_the_first_half_the_stations_are_spread_over_a_session() -> None:
    sent: defaultdict[str, list[str]] = defaultdict(list)

    class Answered(TimedStation):
        """Answered by the next turn of the loop."""

        def send_call(self, action: str, text: bytes, due: float) -> None:
            sent[self.station_id].append(action)
            self._action = action
            self.tally.latencies[action].append(0.001)
            answer = b'[3,"1",{"transactionId":7,"idTagInfo":{"status":"Accepted"}}]'
            asyncio.get_running_loop().call_soon(self.on_answer, answer)

    took: defaultdict[str, list[float]] = defaultdict(list)
    plan = Plan("fairness", [], "", "", "s", CALLS_PER_SESSION)
    stations: list[TimedStation] = []
    for station_id in plan.station_ids:
        station: TimedStation = Answered(station_id, Tally(), took)
        station.transport = object()  # type: ignore[assignment]
        stations.append(station)
    Everybody(plan, stations, asyncio.Queue(), Tally(), took).spread()
    for station in stations:
        await station.idle.wait()
    assert {station.station_id: sent[station.station_id] for station in stations} == {
        station_id: list(ACTIONS[:number]) for number, station_id in enumerate(plan.station_ids)
    }
    assert sum(len(times) for times in took.values()) == sum(
        action != "StatusNotification" for actions in sent.values() for action in actions
    )
    assert set(took) == set(KINDS) - {"commands", "events", "REST reads"}
    assert isinstance(stations[0], ChargingStation)

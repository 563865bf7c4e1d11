"""A station of the demo at a central system that answers from memory."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from csms_simulator.answers.core import change_availability
from csms_simulator.demo import past
from csms_simulator.demo.charger import DemoStation
from csms_simulator.demo.network import CARDS, HARBOUR, KONTOR, PULSE, Model, Stand
from csms_simulator.demo.vehicles import Vehicle
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, charge_until_end
from csms_simulator.wire import Payload, read_timestamp, timestamp_text

if TYPE_CHECKING:
    from conftest import FakeCentralSystem

CAR = Vehicle(50_000, 90_000, arrives_with=0.4, leaves_with=0.5, tapers=True)


def station(url: str, model: Model = PULSE, ledger: Ledger | None = None) -> DemoStation:
    stand = Stand("DEMO-1", HARBOUR, model, "Hamburg 1")
    return DemoStation(stand, url, ledger if ledger is not None else Ledger())


def logged_in_at(last: Payload | None) -> Operator:
    """Return an operator of a suite that has at most one transaction of every connector."""
    page = {"items": [] if last is None else [last], "next_cursor": None, "access_token": "t"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=page))
    return Operator("http://suite", "admin", "password", transport)


def sampled(payload: dict[str, Any], measurand: str) -> list[tuple[str, str | None]]:
    return [
        (value["value"], value.get("phase"))
        for element in payload["meterValue"]
        for value in element["sampledValue"]
        if value["measurand"] == measurand
    ]


async def test_a_session_ends_when_the_car_has_what_it_came_for(
    central_system: "FakeCentralSystem",
) -> None:
    async with station(central_system.url) as charging:
        await charging.wait_accepted()
        session = charging.open_session(1, "TAG", CAR)
        session.charging_since -= timedelta(minutes=10)
        session.start()
        plan = SessionPlan(samples=None, sample_interval=0.001, power_w=150_000, meter_speed=60_000)
        await charge_until_end(charging, session, plan)
        await charging.queue.wait_empty(60)
    assert CAR.is_done(session.energy_wh)
    samples = [payload for _, action, payload in central_system.calls if action == "MeterValues"]
    fullness = [int(value) for each in samples for value, _ in sampled(each, "SoC")]
    assert fullness == sorted(fullness)
    assert fullness[-1] >= 50
    assert {phase for _, phase in sampled(samples[0], "Current.Import")} == {"L1", "L2", "L3"}


async def test_a_charging_profile_limits_all_phases_together(
    central_system: "FakeCentralSystem",
) -> None:
    async with station(central_system.url, KONTOR) as charging:
        await charging.wait_accepted()
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "startSchedule": "2026-01-01T00:00:00Z",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}],
            },
        }
        request = {"connectorId": 0, "csChargingProfiles": profile}
        await central_system.command("DEMO-1", "SetChargingProfile", request)
        session = charging.open_session(1, "TAG", CAR)
        session.charging_since -= timedelta(minutes=10)
        assert session.power_limit_w == 3 * 10 * 230


async def test_a_connector_shows_that_it_is_reserved_until_it_is_given_up(
    central_system: "FakeCentralSystem",
) -> None:
    def shown() -> list[str]:
        return [
            payload["status"]
            for _, action, payload in central_system.calls
            if action == "StatusNotification" and payload["connectorId"] == 2
        ]

    until = timestamp_text(datetime.now(UTC) + timedelta(hours=1))
    wanted = {"connectorId": 2, "expiryDate": until, "idTag": "TAG", "reservationId": 5}
    async with station(central_system.url) as held:
        await held.wait_accepted()
        await central_system.until_called("StatusNotification", 3)
        await central_system.command("DEMO-1", "ReserveNow", wanted)
        await central_system.until_called("StatusNotification", 4)
        assert held.free_connectors() == [1]
        await central_system.command("DEMO-1", "CancelReservation", {"reservationId": 5})
        await central_system.until_called("StatusNotification", 5)
        assert held.free_connectors() == [1, 2]
    assert shown() == ["Available", "Reserved", "Available"]


async def test_a_connector_is_free_again_when_its_reservation_is_over(
    central_system: "FakeCentralSystem",
) -> None:
    soon = timestamp_text(datetime.now(UTC) + timedelta(seconds=1))
    wanted = {"connectorId": 2, "expiryDate": soon, "idTag": "TAG", "reservationId": 5}
    async with station(central_system.url) as held:
        await held.wait_accepted()
        await central_system.until_called("StatusNotification", 3)
        await central_system.command("DEMO-1", "ReserveNow", wanted)
        await central_system.until_called("StatusNotification", 5)
        assert held.free_connectors() == [1, 2]


async def test_a_fault_is_told_with_its_code_until_the_connector_is_well_again(
    central_system: "FakeCentralSystem",
) -> None:
    async with station(central_system.url) as broken:
        await broken.wait_accepted()
        await central_system.until_called("StatusNotification", 3)
        broken.faults[1] = "GroundFailure"
        await broken.report_connector(1, "Faulted")
        answer = await change_availability(broken, {"connectorId": 1, "type": "Operative"})
        assert answer.then is not None
        await answer.then()
    told = [
        (payload["status"], payload["errorCode"])
        for _, action, payload in central_system.calls
        if action == "StatusNotification" and payload["connectorId"] == 1
    ]
    assert told[-2:] == [("Faulted", "GroundFailure"), ("Available", "NoError")]


async def test_the_past_is_told_with_its_own_times_once(
    central_system: "FakeCentralSystem",
) -> None:
    ledger = Ledger()
    async with logged_in_at(None) as operator, station(central_system.url, ledger=ledger) as told:
        await told.wait_accepted()
        await past.catch_up(told, operator, CARDS)
        await told.queue.wait_empty(60)
    began = datetime.now(UTC)
    starts = [each for _, action, each in central_system.calls if action == "StartTransaction"]
    stops = [each for _, action, each in central_system.calls if action == "StopTransaction"]
    assert len(starts) > 10
    assert len(starts) - len(stops) <= 2  # those that still run, one of each connector
    for payload in starts + stops:
        moment = read_timestamp(payload["timestamp"])
        assert began - past.PAST - timedelta(hours=1) <= moment <= began
    for connector in (1, 2):
        meters = [each["meterStart"] for each in starts if each["connectorId"] == connector]
        assert meters == sorted(meters)


async def test_a_station_goes_on_from_what_the_suite_knows(
    central_system: "FakeCentralSystem",
) -> None:
    just_now = datetime.now(UTC).isoformat()
    last = {
        "transaction_id": 7,
        "status": "completed",
        "started_at": just_now,
        "stopped_at": just_now,
        "meter_start": 5_000,
        "energy_wh": 1_200,
    }
    async with logged_in_at(last) as operator, station(central_system.url) as going_on:
        await going_on.wait_accepted()
        await past.catch_up(going_on, operator, CARDS)
        assert going_on.meters == {1: 6_200, 2: 6_200}
        assert len(going_on.queue) == 0


async def test_a_session_that_a_killed_demo_left_open_is_stopped(
    central_system: "FakeCentralSystem",
) -> None:
    last = {
        "transaction_id": 7,
        "status": "active",
        "started_at": "2026-03-02T10:00:00Z",
        "stopped_at": None,
        "meter_start": 5_000,
        "energy_wh": None,
        "live": {"energy_wh": 300},
    }
    async with logged_in_at(last) as operator, station(central_system.url) as back:
        await back.wait_accepted()
        await past.catch_up(back, operator, CARDS)
    stops = [each for _, action, each in central_system.calls if action == "StopTransaction"]
    assert [(each["transactionId"], each["meterStop"], each["reason"]) for each in stops] == [
        (7, 5_300, "PowerLoss")
    ] * 2


async def test_a_ledger_that_forgets_keeps_what_is_open(
    central_system: "FakeCentralSystem",
) -> None:
    ledger = Ledger()
    async with station(central_system.url, ledger=ledger) as charging:
        await charging.wait_accepted()
        over, running = (charging.open_session(number, "TAG", CAR) for number in (1, 2))
        over.start()
        running.start()
        over.stop()
        await charging.queue.wait_empty(60)
        ledger.forget()
        assert list(ledger.transactions) == [running.transaction_id]
        assert ledger.calls == []
        running.take_sample()
        running.stop()
        await charging.queue.wait_empty(60)
    assert ledger.transactions[await running.started()].stopped
    assert ledger.contradictions == []

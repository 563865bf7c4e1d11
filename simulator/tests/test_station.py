import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedOK

from csms_simulator.answer import Answer, AnswerWithCallError
from csms_simulator.bare_station import BareStation, Handler
from csms_simulator.errors import (
    CallRefusedError,
    CallTimedOutError,
    ConnectionLostError,
    OfflineError,
)
from csms_simulator.ledger import Ledger
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload, read_timestamp

if TYPE_CHECKING:
    from conftest import FakeCentralSystem

QUICK = StationSettings(time_scale=0.001, call_timeout=2.0)
BY_HAND = StationSettings(time_scale=0.001, call_timeout=2.0, automatic=False)
SHORT_PLAN = SessionPlan(samples=3, sample_interval=0.001)


async def test_a_station_boots_and_reports_its_connectors_by_itself(
    central_system: "FakeCentralSystem",
) -> None:
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        await central_system.until_called("Heartbeat")
    assert central_system.actions()[:3] == [
        "BootNotification",
        "StatusNotification",
        "StatusNotification",
    ]


async def test_a_pending_station_boots_again_until_it_is_accepted(
    central_system: "FakeCentralSystem",
) -> None:
    central_system.boot_statuses = ["Pending", "Rejected"]
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
    assert central_system.actions().count("BootNotification") == 3


async def test_a_connection_that_takes_nothing_more_is_tried_once(
    central_system: "FakeCentralSystem", monkeypatch: pytest.MonkeyPatch
) -> None:
    async def closed(self: ClientConnection, text: str) -> None:
        raise ConnectionClosedOK(None, None)

    async with SimulatedStation("S1", central_system.url, settings=BY_HAND) as station:
        await station.link.online.wait()
        # As between the end of the connection and the reader's turn to see it.
        monkeypatch.setattr(ClientConnection, "send", closed)
        with pytest.raises(ConnectionLostError):
            await station.call("Heartbeat", {})
        assert not station.link.online.is_set()


async def test_a_session_is_in_the_ledger_with_all_its_samples(
    central_system: "FakeCentralSystem",
) -> None:
    ledger = Ledger()
    async with SimulatedStation("S1", central_system.url, ledger, QUICK) as station:
        await station.wait_accepted()
        session = await run_session(station, 1, "TAG", SHORT_PLAN)
        assert session is not None
        await session.wait_ended()
    (transaction,) = ledger.transactions.values()
    assert transaction.stopped
    assert len(transaction.samples) == 3 * 4
    assert transaction.stops_sent[0].meter_stop == transaction.key[4] + session.energy_wh


async def test_a_session_charged_offline_is_delivered_in_order_after_the_reconnect(
    central_system: "FakeCentralSystem",
) -> None:
    ledger = Ledger()
    async with SimulatedStation("S1", central_system.url, ledger, QUICK) as station:
        await station.wait_accepted()
        await station.link.unplug()
        central_system.calls.clear()
        session = await run_session(station, 1, "TAG", SHORT_PLAN)
        assert session is not None
        assert len(station.queue) == 5
        station.link.plug_in()
        await session.wait_ended()
    about_transactions = [
        a for a in central_system.actions() if a not in ("Heartbeat", "StatusNotification")
    ]
    assert about_transactions == ["StartTransaction", *["MeterValues"] * 3, "StopTransaction"]
    assert "BootNotification" not in central_system.actions()


async def test_a_start_without_an_answer_is_sent_again_with_a_new_message_id(
    central_system: "FakeCentralSystem",
) -> None:
    failures = iter(["close"])
    central_system.misbehaviour = lambda action, payload: (
        next(failures, None) if action == "StartTransaction" else None
    )
    ledger = Ledger()
    async with SimulatedStation("S1", central_system.url, ledger, QUICK) as station:
        await station.wait_accepted()
        session = await run_session(station, 1, "TAG", SHORT_PLAN)
        assert session is not None
        await session.wait_ended()
    starts = [(i, p) for i, action, p in central_system.calls if action == "StartTransaction"]
    assert len(starts) == 2
    assert starts[0][0] != starts[1][0]
    assert starts[0][1] == starts[1][1]
    assert len(ledger.transactions) == 1


async def test_three_refused_starts_lose_the_whole_transaction(
    central_system: "FakeCentralSystem",
) -> None:
    central_system.misbehaviour = lambda action, payload: (
        "error" if action == "StartTransaction" else None
    )
    ledger = Ledger()
    async with SimulatedStation("S1", central_system.url, ledger, QUICK) as station:
        await station.wait_accepted()
        session = await run_session(station, 1, "TAG", SHORT_PLAN)
        assert session is not None
        await session.wait_ended()
        await station.queue.wait_empty(5)
        # What its script still does leaves nothing to be told under no id.
        session.take_sample()
        session.stop()
        assert len(station.queue) == 0
    assert central_system.actions().count("StartTransaction") == 3
    assert "StopTransaction" not in central_system.actions()
    assert [d.action for d in ledger.discarded] == ["StartTransaction"]


async def test_an_offline_station_burns_no_attempt(central_system: "FakeCentralSystem") -> None:
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        for _ in range(5):
            await station.link.unplug()
            station.link.plug_in()
            await station.link.wait_online()
        session = await run_session(station, 1, "TAG", SHORT_PLAN)
        assert session is not None
        await session.wait_ended()
    assert station.ledger.discarded == []


async def test_a_refused_token_ends_the_session_as_deauthorized(
    central_system: "FakeCentralSystem",
) -> None:
    central_system.token_status = "Blocked"
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        plan = SessionPlan(samples=None, sample_interval=0.01)
        session = await run_session(station, 1, "TAG", plan, authorize=False)
        assert session is not None
        await session.wait_ended()
    (stop,) = [p for _, action, p in central_system.calls if action == "StopTransaction"]
    assert stop["reason"] == "DeAuthorized"


async def test_a_remote_start_charges_until_the_remote_stop(
    central_system: "FakeCentralSystem",
) -> None:
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        station.remote_plan = SessionPlan(samples=None, sample_interval=0.01)
        await station.wait_accepted()
        answer = await central_system.command("S1", "RemoteStartTransaction", {"idTag": "TAG"})
        assert answer == [3, {"status": "Accepted"}]
        await central_system.until_called("MeterValues")
        session = station.sessions[1]
        stop = {"transactionId": session.transaction_id}
        assert await central_system.command("S1", "RemoteStopTransaction", stop) == [
            3,
            {"status": "Accepted"},
        ]
        await session.wait_ended()
    assert [c.answer for c in station.ledger.commands] == [{"status": "Accepted"}] * 2


async def test_a_soft_reset_ends_the_session_first_and_boots_again(
    central_system: "FakeCentralSystem",
) -> None:
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        station.remote_plan = SessionPlan(samples=None, sample_interval=0.01)
        await station.wait_accepted()
        await central_system.command("S1", "RemoteStartTransaction", {"idTag": "TAG"})
        await central_system.until_called("StartTransaction")
        await central_system.command("S1", "Reset", {"type": "Soft"})
        await central_system.until_called("BootNotification", times=2)
    actions = central_system.actions()
    second_boot = len(actions) - 1 - actions[::-1].index("BootNotification")
    assert actions.index("StopTransaction") < second_boot
    assert station.link.connections_made == 2


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("ClearCache", {}, {"status": "Accepted"}),
        ("ChangeAvailability", {"connectorId": 9, "type": "Operative"}, {"status": "Rejected"}),
        ("ChangeConfiguration", {"key": "Nothing", "value": "1"}, {"status": "NotSupported"}),
        (
            "ChangeConfiguration",
            {"key": "NumberOfConnectors", "value": "1"},
            {"status": "Rejected"},
        ),
        ("DataTransfer", {"vendorId": "other"}, {"status": "UnknownVendorId"}),
        ("GetConfiguration", {"key": ["AuthorizationKey"]}, None),
        ("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}, {"status": "Accepted"}),
    ],
)
async def test_commands_are_answered_as_firmware_does(
    central_system: "FakeCentralSystem",
    action: str,
    payload: dict[str, Any],
    answer: dict[str, Any] | None,
) -> None:
    async with SimulatedStation("S1", central_system.url, settings=QUICK) as station:
        await station.wait_accepted()
        expected = answer or {"configurationKey": [], "unknownKey": ["AuthorizationKey"]}
        assert await central_system.command("S1", action, payload) == [3, expected]


async def test_an_unknown_command_is_not_implemented(central_system: "FakeCentralSystem") -> None:
    async with SimulatedStation("S1", central_system.url, settings=BY_HAND) as station:
        await station.link.wait_online()
        await station.boot()
        answer = await central_system.command("S1", "InstallCertificate", {})
    assert answer[:2] == [4, "NotImplemented"]


async def test_handlers_can_be_replaced_to_refuse_or_stay_silent(
    central_system: "FakeCentralSystem",
) -> None:
    async def refuse(station: BareStation, request: Payload) -> Payload:
        raise AnswerWithCallError("InternalError", "broken")

    async def stay_silent(station: BareStation, request: Payload) -> Answer:
        return Answer(None)

    handlers: dict[str, Handler] = {"ClearCache": refuse, "UnlockConnector": stay_silent}
    async with SimulatedStation(
        "S1", central_system.url, settings=BY_HAND, handlers=handlers
    ) as station:
        await station.link.wait_online()
        await station.boot()
        assert (await central_system.command("S1", "ClearCache", {}))[1] == "InternalError"
        asking = asyncio.create_task(
            central_system.command("S1", "UnlockConnector", {"connectorId": 1})
        )
        async with asyncio.timeout(10):
            while len(station.ledger.commands) < 2:
                await asyncio.sleep(0.01)
        assert not (await asyncio.wait({asking}, timeout=0.05))[0]
        asking.cancel()
    assert [c.answer for c in station.ledger.commands] == [None, None]


async def test_any_frame_can_be_sent_and_any_answer_seen(
    central_system: "FakeCentralSystem",
) -> None:
    async with SimulatedStation("S1", central_system.url, settings=BY_HAND) as station:
        await station.link.wait_online()
        await station.send_raw('[2,"same","Heartbeat",{}]')
        text = await station.link.received_frame(lambda frame: '"same"' in frame)
        assert json.loads(text)[0] == 3
        await station.call("Heartbeat", {}, message_id="mine")
    assert [message_id for message_id, _, _ in central_system.calls] == ["same", "mine"]


async def test_a_call_fails_in_the_way_it_failed(central_system: "FakeCentralSystem") -> None:
    central_system.misbehaviour = lambda action, payload: {
        "Heartbeat": "error",
        "Authorize": "silence",
    }.get(action)
    async with SimulatedStation("S1", central_system.url, settings=BY_HAND) as station:
        await station.link.wait_online()
        with pytest.raises(CallRefusedError):
            await station.heartbeat()
        with pytest.raises(CallTimedOutError):
            await station.call("Authorize", {"idTag": "TAG"}, timeout=0.02)
        await station.link.unplug()
        with pytest.raises(OfflineError):
            await station.heartbeat()
    assert station.ledger.calls == []


async def test_a_message_sent_in_vain_is_counted_with_its_attempts(
    central_system: "FakeCentralSystem",
) -> None:
    failures = iter(["close", "error"])
    central_system.misbehaviour = lambda action, payload: (
        next(failures, None) if action == "StartTransaction" else None
    )
    ledger = Ledger()
    async with SimulatedStation("S1", central_system.url, ledger, QUICK) as station:
        await station.wait_accepted()
        session = await run_session(station, 1, "TAG", SHORT_PLAN)
        assert session is not None
        await session.wait_ended()
    assert ledger.failed_attempts == {"ConnectionLostError": 1, "CallRefusedError": 1}
    assert ledger.most_failed_attempts == 2
    assert not ledger.discarded


async def test_a_station_goes_by_its_own_clock(central_system: "FakeCentralSystem") -> None:
    settings = StationSettings(automatic=False, clock_offset=-7200)
    async with SimulatedStation("S1", central_system.url, settings=settings) as station:
        behind = datetime.now(UTC) - read_timestamp(station.timestamp())
    assert timedelta(hours=2) <= behind < timedelta(hours=2, minutes=1)


async def test_a_station_gives_up_a_connection_that_answers_no_ping(
    central_system: "FakeCentralSystem",
) -> None:
    settings = StationSettings(automatic=False, ping_interval=0.05, first_reconnect_wait=0.01)
    async with SimulatedStation("S1", central_system.url, settings=settings) as station:
        await station.link.wait_online()
        async with asyncio.timeout(5):
            while "S1" not in central_system.connections:
                await asyncio.sleep(0.01)
        central_system.connections["S1"].transport.pause_reading()
        await station.link.wait_offline()
        await station.link.wait_online()
    assert station.link.connections_made == 2

"""What real stations send and when, each deviation by its number.

The frames are as stations sent them, with identities and tokens replaced.
"""

import pytest
from gateway_fakes.pure_core import T0, accepted_station, dispatched, later, sent, tolerated

from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import Close, Dispatch, FrameUnusable, Ping
from ws_gateway.ocpp.v16 import DIALECT


def test_trap_7_the_newest_connection_wins_and_the_older_one_closes() -> None:
    station = accepted_station()
    assert station.superseded(3, T0) == []
    assert station.superseded(2, T0) == []
    assert station.superseded(4, T0) == [Close(1000, "superseded")]
    assert station.receive('[2,"1","Heartbeat",{}]', T0) == []


def test_trap_8_a_station_that_never_pongs_lives_as_long_as_it_sends_frames() -> None:
    station = accepted_station()
    for minute in range(1, 20):
        now = later(minute * 170)
        effects = station.tick(now)
        assert not any(isinstance(effect, Close) for effect in effects)
        assert sent(station.receive(f'[2,"{minute}","Heartbeat",{{}}]', now))


def test_trap_8_three_silent_intervals_are_the_end() -> None:
    station = accepted_station()
    assert station.tick(later(59)) == []
    assert station.tick(later(60)) == [Ping()]
    assert station.tick(later(61)) == []
    assert station.tick(later(120)) == [Ping()]
    assert station.tick(later(180)) == [Close(1001, "silent")]


def test_trap_10_a_station_that_was_accepted_before_needs_no_boot_after_a_reconnect() -> None:
    call = dispatched(
        '[2,"1000012","StopTransaction",{"idTag":"04E5D2A9","meterStop":120400,'
        '"timestamp":"2026-11-21T02:00:00Z","transactionId":81,"reason":"Local"}]'
    )
    assert call.action == "StopTransaction"


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"1","DataTransfer",{"vendorId":"EN+","messageId":"GetMaxCurrent"}]',
        '[2,"2","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]',
    ],
)
def test_trap_11_calls_before_the_first_boot_are_served(frame: str) -> None:
    station = StationConnection(DIALECT, 1, "pending", T0)
    effects = station.receive(frame, T0)
    assert isinstance(effects[-1], Dispatch)
    assert tolerated(effects) == ("call_before_boot",)


def test_trap_11_a_heartbeat_before_the_first_boot_is_answered() -> None:
    station = StationConnection(DIALECT, 1, "pending", T0)
    effects = station.receive('[2,"1","Heartbeat",{}]', T0)
    assert sent(effects)[0][0] == 3
    assert tolerated(effects) == ("call_before_boot",)


def test_trap_14_our_own_times_have_milliseconds_and_z() -> None:
    assert sent(accepted_station().receive('[2,"1","Heartbeat",{}]', T0)) == [
        [3, "1", {"currentTime": "2026-11-21T02:00:00.000Z"}]
    ]


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"77","StopTransaction",{"transactionId":,"meterStop":100}]',
        '[2,"77","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-1',
        '\x00 [2,"77","MeterValues",{"connectorId":1,',
    ],
)
def test_trap_18_broken_json_is_answered_by_the_recovered_id_and_the_socket_stays(
    frame: str,
) -> None:
    station = accepted_station()
    effects = station.receive(frame, T0)
    assert [answer[:3] for answer in sent(effects)] == [[4, "77", "FormationViolation"]]
    assert any(isinstance(effect, FrameUnusable) for effect in effects)
    assert sent(station.receive('[2,"78","Heartbeat",{}]', T0))[0][:2] == [3, "78"]


@pytest.mark.parametrize("frame", [b"\x00\xff\xfe", b"[2,", b"", b"hello", b'[7,"1"]', b"{}"])
def test_trap_18_what_has_no_readable_id_is_logged_and_the_socket_stays(frame: bytes) -> None:
    station = accepted_station()
    effects = station.receive(frame, T0)
    assert [type(effect) for effect in effects] == [FrameUnusable]
    assert sent(station.receive('[2,"78","Heartbeat",{}]', T0))


def test_trap_18_nul_blanks_and_invalid_utf8_are_mended() -> None:
    call = dispatched(
        b'\x00\x00 [2,"1","DataTransfer",{"vendorId":"caf\xe9","data":"a\\u0000"}]\x00]'
    )
    assert call.payload == {"vendorId": "caf\ufffd", "data": "a"}
    assert call.tolerated == ("mended_frame",)


def test_traps_22_to_24_unknown_and_repeated_transactions_are_left_to_the_session_service() -> None:
    frame = (
        '[2,"1000001","StopTransaction",{"transactionId":2147483647,"meterStop":0,'
        '"timestamp":"2026-11-21T02:00:00Z"}]'
    )
    station = accepted_station()
    for seq in (1, 2):
        (effect,) = station.receive(frame, T0)
        assert isinstance(effect, Dispatch)
        assert effect.call.seq == seq
        assert sent(station.answer(seq, {}, T0)) == [[3, "1000001", {}]]


def test_trap_25_reused_message_ids_are_served_and_long_ones_echoed() -> None:
    station = accepted_station()
    long_id = "9a8b7c6d-0000-4000-8000-000000000001-retry-2"
    for message_id in ("1", "1", long_id):
        frame = f'[2,"{message_id}","Authorize",{{"idTag":"04E5D2A9"}}]'
        effects = station.receive(frame, T0)
        (dispatch,) = [effect for effect in effects if isinstance(effect, Dispatch)]
        answer = {"idTagInfo": {"status": "Accepted"}}
        assert sent(station.answer(dispatch.call.seq, answer, T0)) == [[3, message_id, answer]]
    assert tolerated(effects) == ("long_message_id",)


def test_trap_26_several_calls_in_flight_are_handled_one_by_one_in_order() -> None:
    station = accepted_station()
    first = station.receive('[2,"a","Authorize",{"idTag":"1"}]', T0)
    assert isinstance(first[0], Dispatch)
    assert station.receive('[2,"b","Heartbeat",{}]', T0) == []
    assert station.receive('[2,"c","Authorize",{"idTag":"2"}]', T0) == []
    effects = station.answer(1, {"idTagInfo": {"status": "Accepted"}}, T0)
    assert [answer[:2] for answer in sent(effects)] == [[3, "a"], [3, "b"]]
    assert isinstance(effects[-1], Dispatch)
    assert effects[-1].call.message_id == "c"
    assert tolerated(effects) == ("calls_in_flight", "calls_in_flight")

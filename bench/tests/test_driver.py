import asyncio
import json
from collections import Counter
from importlib.resources import files

import orjson
import pytest
from jsonschema_rs import validator_for

from bench.driver import frames
from bench.driver.charging import ChargingStation
from bench.driver.http_client import HttpConnection
from bench.driver.percentiles import percentile
from bench.driver.starting import TokenUse, limits, shared_token
from bench.driver.station import Tally

SCHEMAS = files("ocpp") / "v16" / "schemas"
ID_TOKEN_MAX = 20  # CiString20Type


class WireTap(ChargingStation):
    """A charging station whose frames go into a list instead of a socket."""

    def __init__(self) -> None:
        super().__init__("S1", Tally())
        self.sent: list[list[object]] = []

    def _send(self, due: float) -> None:
        text = frames.session_call(
            self._step,
            self.next_id(),
            self.id_tag,
            self._transaction_id,
            self._meter,
            self.clock_ms(),
        )
        self.sent.append(json.loads(text))

    def answer(self, payload: dict[str, object]) -> None:
        self.on_answer(orjson.dumps([3, self.sent[-1][1], payload]))


def answered_session(station: WireTap, transaction_id: int) -> None:
    for action in frames.ACTIONS:
        started = {"transactionId": transaction_id, "idTagInfo": {"status": "Accepted"}}
        station.answer(started if action == "StartTransaction" else {})


@pytest.mark.parametrize("step", range(frames.CALLS_PER_SESSION))
def test_every_frame_of_a_session_is_valid(step: int) -> None:
    kind, _, action, payload = json.loads(frames.session_call(step, 1, b"TAG", 7, 1000, 0))
    schema = json.loads((SCHEMAS / f"{action}.json").read_text(encoding="utf-8-sig"))
    assert kind == 2
    assert action == frames.ACTIONS[step]
    validator_for(schema).validate(payload)


def test_the_boot_frame_is_valid() -> None:
    schema = json.loads((SCHEMAS / "BootNotification.json").read_text(encoding="utf-8-sig"))
    validator_for(schema).validate(json.loads(frames.boot(1))[3])


def test_each_use_of_tokens_has_tokens_and_limits_of_its_own() -> None:
    made = limits("starts-1-", 20, 3)
    assert {use: made.get(shared_token("starts-1-", use, 2), "none") for use in TokenUse} == {
        TokenUse.OWN: "none",
        TokenUse.SHARED_UNLIMITED: None,
        TokenUse.SHARED_LIMITED: 1000,
        TokenUse.SHARED_SINGLE: 1,
    }
    assert made["starts-1-00019"] == 1
    assert len(made) == 20 + 3 * 3
    assert max(len(token) for token in made) <= ID_TOKEN_MAX


def test_a_session_has_the_calls_that_the_benchmark_names() -> None:
    assert Counter(frames.ACTIONS) == {
        "StatusNotification": 3,
        "Authorize": 1,
        "StartTransaction": 1,
        "MeterValues": 6,
        "StopTransaction": 1,
        "Heartbeat": 3,
    }


def test_a_finished_session_is_remembered_with_its_energy_and_rows() -> None:
    station = WireTap()
    station.run_closed_loop()
    answered_session(station, 7)
    assert station.report() == [(7, 1500, 24)]
    assert station.sent[-1][2] == "StatusNotification"


def test_a_station_told_to_finish_waits_for_its_last_answer_and_sends_no_more() -> None:
    station = WireTap()
    station.run_closed_loop()
    station.finish()
    assert not station.idle.is_set()
    station.answer({})
    assert station.idle.is_set()
    assert len(station.sent) == 1


def test_a_running_session_is_reported_without_energy() -> None:
    station = WireTap()
    station.run_closed_loop()
    for answer in ({}, {}, {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}, {}, {}):
        station.answer(answer)
    assert station.report() == [(7, None, 4)]


def test_a_paced_station_sends_what_was_due_while_it_waited() -> None:
    station = WireTap()
    station.send_at(0.0)
    station.send_at(1.0)
    assert len(station.sent) == 1
    station.answer({})
    assert len(station.sent) == 2
    station.answer({})
    assert station.idle.is_set()


def test_the_start_of_the_next_session_is_another_start() -> None:
    station = WireTap()
    station.run_closed_loop()
    answered_session(station, 7)
    answered_session(station, 8)
    starts = [frame[3] for frame in station.sent if frame[2] == "StartTransaction"]
    meters = [start["meterStart"] for start in starts if isinstance(start, dict)]
    assert meters == [1000, 2500]


def test_percentiles_take_the_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99)) == (51.0, 100.0)
    assert percentile([3.0], 99) == 3.0


async def test_the_http_client_keeps_one_connection() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
                writer.write(answer % (length, body))
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with HttpConnection(f"http://127.0.0.1:{port}", "Bearer x") as client:
            assert await client.post("/one", b"{}") == (200, b"{}")
            assert await client.post("/two", b"[1]") == (200, b"[1]")
    assert connections == 1

"""A recording is played as its station said it, and differing answers are told."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from csms_simulator import command_line
from csms_simulator.errors import UnusableRecordingError, UnusableSuiteError
from csms_simulator.recording import Recording, read_recording
from csms_simulator.replay import Replay, Replayed
from csms_simulator.wire import timestamp_text

if TYPE_CHECKING:
    from conftest import FakeCentralSystem

START = datetime(2026, 1, 1, tzinfo=UTC)


class Tape:
    """Writes a recording as the suite exports it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.at = START
        self.connection_id = "c1"

    def frame(self, direction: str, frame: list[Any] | str, pause: float = 0.0) -> None:
        self.at += timedelta(seconds=pause)
        text = frame if isinstance(frame, str) else json.dumps(frame)
        item = {
            "at": timestamp_text(self.at),
            "direction": direction,
            "connection_id": self.connection_id,
            "frame": text,
        }
        self.lines.append(json.dumps(item))

    def call(
        self, message_id: str, action: str, payload: dict[str, Any], answer: dict[str, Any]
    ) -> None:
        self.frame("in", [2, message_id, action, payload])
        self.frame("out", [3, message_id, answer])

    def recording(self) -> Recording:
        return read_recording(self.lines)


def session_tape(transaction_id: int = 77) -> Tape:
    tape = Tape()
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    tape.call(
        "1",
        "BootNotification",
        boot,
        {
            "status": "Accepted",
            "interval": 100,
            "currentTime": "2020-01-01T00:00:00Z",
        },
    )
    tape.call(
        "2",
        "StartTransaction",
        {"connectorId": 1, "idTag": "T", "meterStart": 0},
        {
            "transactionId": transaction_id,
            "idTagInfo": {"status": "Accepted"},
        },
    )
    tape.call("3", "MeterValues", {"connectorId": 1, "transactionId": transaction_id}, {})
    tape.connection_id = "c2"
    tape.call("4", "StopTransaction", {"transactionId": transaction_id, "meterStop": 9}, {})
    return tape


async def _replayed(recording: Recording, url: str, **options: Any) -> Replayed:
    options.setdefault("speed", 0)
    return await Replay(recording, url, "CS 1", **options).run()


async def test_transactions_get_the_ids_that_this_suite_gives(
    central_system: "FakeCentralSystem",
) -> None:
    result = await _replayed(session_tape().recording(), central_system.url)
    assert result.differences == []
    assert (result.sent, result.compared, result.transaction_ids) == (4, 4, {77: 1})
    sent = {action: payload for _, action, payload in central_system.calls}
    assert sent["MeterValues"]["transactionId"] == sent["StopTransaction"]["transactionId"] == 1


async def test_an_answer_that_differs_is_told_with_both(
    central_system: "FakeCentralSystem",
) -> None:
    central_system.token_status = "Blocked"
    central_system.misbehaviour = lambda action, _: "error" if action == "MeterValues" else None
    result = await _replayed(session_tape().recording(), central_system.url)
    start, values = result.differences
    assert (start.action, "Accepted" in start.recorded, "Blocked" in start.replayed) == (
        "StartTransaction",
        True,
        True,
    )
    assert values.replayed == "CALLERROR InternalError"


async def test_a_refusal_that_names_another_field_is_told(
    central_system: "FakeCentralSystem",
) -> None:
    tape = Tape()
    tape.frame("in", [2, "1", "MeterValues", {}])
    tape.frame("out", [4, "1", "InternalError", "connectorId: missing", {}])
    central_system.misbehaviour = lambda *_: "error"
    (difference,) = (await _replayed(tape.recording(), central_system.url)).differences
    assert difference.recorded == "CALLERROR InternalError connectorId: missing"


async def test_silence_and_a_closed_socket_are_differences(
    central_system: "FakeCentralSystem",
) -> None:
    how = {"MeterValues": "close", "BootNotification": "silence"}
    central_system.misbehaviour = lambda action, _: how.get(action)
    result = await _replayed(session_tape().recording(), central_system.url, answer_timeout_s=0.2)
    assert [difference.action for difference in result.differences] == [
        "BootNotification",
        "MeterValues",
    ]
    # The next connection of the recording is made all the same.
    assert central_system.actions()[-1] == "StopTransaction"


async def test_commands_are_answered_as_the_station_did_and_else_refused(
    central_system: "FakeCentralSystem",
) -> None:
    tape = session_tape()
    tape.frame("out", [2, "x", "Reset", {"type": "Soft"}])
    tape.frame("in", [3, "x", {"status": "Rejected"}])
    tape.frame("in", [2, "5", "Heartbeat", {}])
    tape.frame("in", [2, "6", "Heartbeat", {}], pause=600)
    replay = Replay(tape.recording(), central_system.url, "CS-2", speed=2_000)
    running = asyncio.create_task(replay.run())
    await central_system.until_called("Heartbeat")
    assert await central_system.command("CS-2", "Reset", {}) == [3, {"status": "Rejected"}]
    second = await central_system.command("CS-2", "Reset", {})
    assert second[:2] == [4, "NotSupported"]
    result = await running
    assert (result.commands, result.uncompared, result.sent) == (2, 2, 6)


async def test_what_is_no_call_is_sent_as_it_was(central_system: "FakeCentralSystem") -> None:
    tape = Tape()
    tape.frame("in", "[2,rubbish")
    result = await _replayed(tape.recording(), central_system.url)
    assert (result.sent, result.compared) == (1, 0)


def test_a_gap_and_an_end_are_read_and_rubbish_is_refused() -> None:
    tape = session_tape()
    tape.lines.append(json.dumps({"direction": "gap", "gap_frames": 3}))
    tape.lines.append(json.dumps({"end": "complete"}))
    assert tape.recording().missing_frames == 3
    for line in (
        "x",
        "[]",
        "{}",
        '{"direction":"in"}',
        '{"direction":"gap","gap_frames":"x"}',
        '{"direction":"in","at":"x","connection_id":"c","frame":"f"}',
    ):
        with pytest.raises(UnusableRecordingError, match="line 1"):
            read_recording([line])


async def test_a_suite_that_does_not_answer_is_no_replay() -> None:
    with pytest.raises(UnusableSuiteError):
        await _replayed(session_tape().recording(), "ws://127.0.0.1:9")


def test_the_command_line_says_what_it_could_not_play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recording.jsonl"
    file.write_text("\n".join(session_tape().lines))
    arguments = ["replay", str(file), "--url", "ws://127.0.0.1:9", "--station-id", "A"]
    monkeypatch.setattr("sys.argv", ["csms-simulator", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    assert "ws://127.0.0.1:9/A" in capsys.readouterr().err

"""Frames that once broke something, as they were recorded: played again, and read back."""

from datetime import datetime
from pathlib import Path

import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.recording import read_recording
from csms_simulator.replay import Replay, Replayed
from tests.conformance.central_system import CentralSystem

_RECORDINGS = Path(__file__).parent / "recordings"


async def _play(run: RunState, station_id: str, name: str) -> Replayed:
    with (_RECORDINGS / f"{name}.jsonl").open() as lines:
        recording = read_recording(lines)
    played = await Replay(recording, run.ocpp_url, station_id, speed=0).run()
    assert played.differences == []
    return played


@pytest.mark.parametrize(
    ("name", "flag"), [("zero_time", "clock_not_set"), ("last_instant", "unreadable_time")]
)
async def test_a_session_of_an_impossible_time_is_whole_and_flagged_and_hides_no_other(
    run: RunState, operator: Operator, station_id: str, name: str, flag: str
) -> None:
    central = CentralSystem(operator, station_id)
    (transaction_id,) = (await _play(run, station_id, name)).transaction_ids.values()
    found = await central.completed(transaction_id)
    assert flag in found["flags"]
    assert found["energy_wh"] == 500
    assert abs(_seconds(found["started_at"]) - _seconds(found["received_at"])) < 1
    values = await operator.items(f"/transactions/{transaction_id}/meter-values")
    assert [value["raw"] for value in values] == ["1200", "1200"]
    events = await operator.items("/security-events", station_id=station_id)
    assert [event["occurred_at"] for event in events] == [None]
    assert transaction_id in [
        one["transaction_id"] for one in await operator.items("/transactions")
    ]
    await operator.items("/security-events")
    await central.nothing_is_parked()


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()

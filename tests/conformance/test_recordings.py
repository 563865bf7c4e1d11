"""Recordings of stations that once were answered wrongly, as the flight recorder exports them
(docs/flight-recorder.md): replayed, they get the answers that they should have got."""

from pathlib import Path
from typing import Any

import pytest

from csms_local.run_state import RunState
from csms_simulator.recording import read_recording
from csms_simulator.replay import Replay
from tests.conformance.central_system import CentralSystem

FOLDER = Path(__file__).parent / "recordings"

# By file, the settings of the station that they are replayed as.
RECORDINGS: dict[str, dict[str, Any]] = {
    "several-faults.jsonl": {},
    "several-faults-strict.jsonl": {"strict": True},
    "unknown-fields-of-a-session.jsonl": {},
}


@pytest.mark.parametrize("name", RECORDINGS)
async def test_a_recorded_station_gets_the_recorded_answers(
    run: RunState, central: CentralSystem, name: str
) -> None:
    await central.create(**RECORDINGS[name])
    recording = read_recording((FOLDER / name).read_text().splitlines())
    replayed = await Replay(recording, run.ocpp_url, central.station_id, speed=0).run()
    assert replayed.differences == []
    assert replayed.compared == replayed.sent == len(recording.said) > 1
    await central.nothing_is_parked()


def test_every_recording_is_replayed() -> None:
    assert {file.name for file in FOLDER.glob("*.jsonl")} == set(RECORDINGS)

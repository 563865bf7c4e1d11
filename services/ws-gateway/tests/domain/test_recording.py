"""What is kept of frames, what is shed, and what a gap tells."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from csms_shared.contracts.recorded_levels import STRAY_ANSWER, UNREADABLE
from csms_shared.contracts.recordings import LONGEST_SPAN_MS, RecordedFrame, unpack
from csms_shared.ocpp.frames import encode_call_result
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import Instant
from ws_gateway.domain.recording import (
    FrameBuffer,
    Kept,
    Verdict,
    seal,
    verdict,
)
from ws_gateway.ocpp.v16 import DIALECT


def kept(station_id: str, at_ms: int, raw: str = '[2,"1","Heartbeat",{}]') -> Kept:
    return Kept(station_id, f"c-{station_id}", at_ms, True, raw, DIALECT.masking, "Heartbeat")


def drained(buffer: FrameBuffer) -> dict[str, list[RecordedFrame]]:
    """Return everything in the buffer as it is stored, by station."""
    found: dict[str, list[RecordedFrame]] = {}
    while not buffer.is_empty:
        sealed = seal(*buffer.take())
        assert sealed.last_ms - sealed.first_ms <= LONGEST_SPAN_MS
        for station_id in sealed.stations:
            found.setdefault(station_id, []).extend(unpack(sealed.packed, station_id))
    return found


def test_under_pressure_frames_are_shed_and_each_station_learns_how_many() -> None:
    buffer = FrameBuffer(max_frames=3)
    added = [buffer.add(kept(name, at)) for at, name in enumerate(["A", "B", "A", "A", "B", "A"])]
    assert added == [True, True, True, False, False, False]
    found = drained(buffer)
    assert [frame.direction for frame in found["A"]] == ["in", "in", "gap"]
    assert [frame.direction for frame in found["B"]] == ["in", "gap"]
    assert (found["A"][-1].gap_frames, found["B"][-1].gap_frames) == (2, 1)
    assert (found["A"][-1].gap_from_ms, found["A"][-1].gap_to_ms) == (3, 5)


def test_the_buffer_is_bounded_in_bytes_too() -> None:
    buffer = FrameBuffer(max_bytes=100)
    assert [buffer.add(kept("A", at, "x" * 60)) for at in range(3)] == [True, True, False]
    buffer.take()
    assert buffer.size == 0
    assert buffer.add(kept("A", 9, "x" * 60))


def test_a_batch_that_was_lost_is_a_gap_of_each_of_its_stations() -> None:
    buffer = FrameBuffer(max_frames=2)
    for at, name in enumerate(["A", "B", "A"]):
        buffer.add(kept(name, at))
    batch, gaps = buffer.take()
    buffer.add(kept("A", 7))
    buffer.put_back(gaps)
    buffer.lost(batch)
    found = drained(buffer)
    assert [frame.gap_frames for frame in found["A"]] == [0, 2]
    assert (found["A"][1].gap_from_ms, found["A"][1].gap_to_ms, found["A"][1].at_ms) == (0, 2, 7)
    assert [frame.gap_frames for frame in found["B"]] == [1]


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 500_000)), min_size=1, max_size=60),
    st.integers(1, 20),
)
def test_every_frame_is_kept_with_its_station_or_counted_in_its_gap(
    arrivals: list[tuple[str, int]], room: int
) -> None:
    buffer = FrameBuffer(max_frames=room)
    for station_id, at_ms in arrivals:
        buffer.add(kept(station_id, at_ms, f'[2,"{station_id}","Heartbeat",{{}}]'))
    found = drained(buffer)
    told: Counter[str] = Counter()
    for station_id, frames in found.items():
        for frame in frames:
            told[station_id] += frame.gap_frames or 1
            # Nobody finds a frame of another station in its line.
            assert frame.gap_frames or f'"{station_id}"' in frame.text
    assert told == Counter(station_id for station_id, _ in arrivals)


def test_what_is_unpacked_is_what_was_packed() -> None:
    rules, error = DIALECT.masking, "FormationViolation"
    frames = [
        Kept("A", "c", 5, True, b'[2,"\xff","X",{}]', rules, "X", None, error, ("enum",)),
        Kept("A", "c", 6, False, '[4,"\\u00ff","X","",{}]', rules, "X", 1),
    ]
    sealed = seal(frames, {})
    assert unpack(sealed.packed, "A") == [
        RecordedFrame(5, "in", "c", '[2,"�","X",{}]', "X", None, "FormationViolation", ("enum",)),
        RecordedFrame(6, "out", "c", '[4,"\\u00ff","X","",{}]', "X", 1),
    ]
    assert unpack(sealed.packed, "B") == []


def _connection() -> tuple[StationConnection, Instant]:
    now = Instant(0.0, 1_000_000)
    return StationConnection(DIALECT, 1, "accepted", now, booted=True), now


def test_a_verdict_tells_what_became_of_each_frame() -> None:
    connection, now = _connection()
    heartbeat = connection.receive('[2,"1","Heartbeat",{}]\x00', now)
    assert verdict(heartbeat) == Verdict("Heartbeat", None, ("mended_frame",))
    unknown = connection.receive('[2,"2","Nonsense",{}]', now)
    assert verdict(unknown) == Verdict("Nonsense", "NotImplemented")
    assert verdict(connection.receive("rubbish", now)).error == UNREADABLE
    assert verdict(connection.receive('[3,"never asked",{}]', now)).error == STRAY_ANSWER
    status = (
        '[2,"3","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]'
    )
    assert verdict(connection.receive(status, now)) == Verdict("StatusNotification")
    assert verdict(connection.receive('[2,"4","Heartbeat",{}]', now)) == Verdict()


def test_an_answer_to_a_command_knows_its_command_and_how_long_it_took() -> None:
    connection, now = _connection()
    command = OutboundCommand("id-1", "Reset", {"type": "Soft"}, 1, now.wall_ms + 9_000)
    connection.send_call(command, now)
    later = Instant(0.25, now.wall_ms + 250)
    answer = connection.receive(encode_call_result("id-1", {"status": "Accepted"}), later)
    assert verdict(answer) == Verdict(None, None, (), "id-1", 250)
    connection.send_call(
        OutboundCommand("id-2", "Reset", {"type": "Soft"}, 1, now.wall_ms + 9_000), later
    )
    refused = connection.receive('[4,"id-2","NotSupported","no",{}]', later)
    assert verdict(refused) == Verdict(None, "NotSupported", (), "id-2", 0)


def test_a_batch_tells_the_worst_of_it_and_what_was_called() -> None:
    def sealed(*frames: Kept) -> tuple[str, list[str] | None]:
        buffer = FrameBuffer()
        for frame in frames:
            assert buffer.add(frame)
        batch = seal(*buffer.take())
        return batch.level, batch.actions

    # A call of ours, and one that waits for its turn, have no action of their own.
    ours = kept("A", 2, '[2,"2","Reset",{"type":"Soft"}]')._replace(action=None, is_inbound=False)
    assert sealed(kept("A", 1)) == ("info", ["Heartbeat"])
    assert sealed(kept("A", 1), ours) == ("info", ["Heartbeat", "Reset"])
    assert sealed(kept("A", 1)._replace(tolerated=("x",)), ours)[0] == "warning"
    assert sealed(kept("A", 1)._replace(error="ProtocolError"))[0] == "error"
    long = [kept("A", 1, f'[2,"1","{"x" * 65}",{{}}]')._replace(action=None), kept("A", 1)]
    assert sealed(*long) == ("info", ["Heartbeat"])
    many = [kept("A", 1)._replace(action=f"Action{number}") for number in range(65)]
    assert sealed(*many) == ("info", None)


def test_a_gap_is_a_warning() -> None:
    buffer = FrameBuffer(max_frames=1)
    assert [buffer.add(kept("A", at)) for at in (1, 2)] == [True, False]
    assert seal(*buffer.take()).level == "warning"

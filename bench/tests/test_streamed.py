from bench.events import compared_with_stream
from bench.streamed import streamed

STREAM = (
    b": open\nid: 7\n\n"
    b'id: 8\nevent: csms.x.v1\ndata: {"id":"a"}\n\n'
    b": ping\n\n"
    b'id: 9\nevent: csms.x.v1\ndata: {"id":"b"}\n\n'
)
RESULT = {"window": (100.0, 110.0), "differences": ["before"]}


def test_an_event_came_when_its_last_byte_did() -> None:
    for first in range(1, len(STREAM)):
        chunks = [(1.0, STREAM[:first]), (2.0, STREAM[first:])]
        end_of_a = STREAM.index(b"\n\n", STREAM.index(b'"a"')) + 2
        assert streamed(chunks) == [(1.0 if first >= end_of_a else 2.0, "a"), (2.0, "b")]


def test_an_event_that_has_not_come_whole_has_not_come() -> None:
    assert streamed([(1.0, STREAM[:-1])]) == [(1.0, "a")]


def test_a_delay_runs_to_when_it_was_streamed() -> None:
    found = compared_with_stream(
        {"a": 101.0, "late": 111.0}, [(101.5, "a"), (120.0, "late")], RESULT
    )
    assert found["streamed_max_ms"] == 500
    assert found["differences"] == ["before"]


def test_what_was_not_streamed_or_twice_is_a_difference() -> None:
    came = [(101.5, "a"), (101.6, "a")]
    assert compared_with_stream({"a": 101.0, "b": 101.0}, came, RESULT)["differences"] == [
        "before",
        "1 committed events were never streamed",
        "1 events were streamed twice",
    ]

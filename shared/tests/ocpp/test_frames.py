import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.ocpp.errors import RpcError
from csms_shared.ocpp.frames import (
    MAX_DEPTH,
    MAX_FRAME_BYTES,
    Call,
    CallError,
    CallResult,
    FrameProblem,
    encode_call,
    encode_call_error,
    encode_call_result,
    parse_frame,
)


def test_a_call_is_read() -> None:
    frame = parse_frame(b'[2,"19223201","BootNotification",{"chargePointVendor":"V"}]')
    assert frame == Call("19223201", "BootNotification", {"chargePointVendor": "V"})


def test_a_result_and_an_error_are_read() -> None:
    assert parse_frame('[3,"1",{"status":"Accepted"}]') == CallResult("1", {"status": "Accepted"})
    assert parse_frame('[4,"1","NotSupported","no",{"a":1}]') == CallError(
        "1", "NotSupported", "no", {"a": 1}
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[2,"1","Heartbeat",null]', Call("1", "Heartbeat", {})),
        ('[3,"1",null]', CallResult("1", {})),
        ('[4,"1","GenericError"]', CallError("1", "GenericError")),
        ('[4,"1","GenericError",null,null]', CallError("1", "GenericError")),
    ],
)
def test_what_the_specification_allows_to_be_empty_may_be_left_out(
    text: str, expected: object
) -> None:
    assert parse_frame(text) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b'\x00\x00[2,"1","Heartbeat",{}]',
        b'  \r\n[2,"1","Heartbeat",{}]\x00',
        b'\xef\xbb\xbf[2,"1","Heartbeat",{}]',
        b'[2,"1","Heartbeat",{}]]',
        b'[2,"1","Heartbeat",{}][2,"1","Heart',
        b'[2,"1","Heartbeat",{}]\x00garbage\xff',
    ],
)
def test_junk_around_a_frame_is_ignored_and_reported(raw: bytes) -> None:
    assert parse_frame(raw) == Call("1", "Heartbeat", {}, mended=True)


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    frame = parse_frame(b'[2,"1","DataTransfer",{"vendorId":"caf\xe9"}]')
    assert frame == Call("1", "DataTransfer", {"vendorId": "caf\ufffd"}, mended=True)


def test_nul_characters_inside_text_are_removed() -> None:
    frame = parse_frame(r'[2,"1","Authorize",{"idTag":"ABC\u0000\u0000"}]')
    assert frame == Call("1", "Authorize", {"idTag": "ABC"}, mended=True)


def test_strict_reading_mends_nothing() -> None:
    frame = parse_frame(b'\x00[2,"1","Heartbeat",{}]', tolerant=False)
    assert isinstance(frame, FrameProblem)
    assert frame.message_id == "1"


@pytest.mark.parametrize(
    ("raw", "message_type", "message_id"),
    [
        (b'[2,"7","StopTransaction",{"transactionId":,"meterStop":5}]', 2, "7"),
        (b'[2,"a\\"b","MeterValues",{"connectorId":1,"meterVal', 2, 'a"b'),
        (b' \x00[ 3 , "x" , {"status":', 3, "x"),
        (b'[2,"never closed', 2, None),
        (b'[2,"\\ud800","Heartbeat",{', 2, None),
        (b"GET / HTTP/1.1", None, None),
        (b"", None, None),
        (b"[]", None, None),
        (b'{"a":1}', None, None),
        (b'["2","1","Heartbeat",{}]', None, None),
        (b'[true,"1","Heartbeat",{}]', None, None),
        (b'[2,17,"Heartbeat",{}]', 2, None),
        (b'[2,"1","Heartbeat"]', 2, "1"),
        (b'[2,"1","Heartbeat",[]]', 2, "1"),
        (b'[2,"1",5,{}]', 2, "1"),
        (b'[2,"1","Heartbeat",{},1]', 2, "1"),
        (b'[3,"1",[]]', 3, "1"),
        (b'[4,"1"]', 4, "1"),
    ],
)
def test_a_frame_that_cannot_be_read_keeps_what_can_be_recovered(
    raw: bytes, message_type: int | None, message_id: str | None
) -> None:
    problem = parse_frame(raw)
    assert isinstance(problem, FrameProblem)
    assert problem.error is RpcError.FORMAT_VIOLATION
    assert (problem.message_type, problem.message_id) == (message_type, message_id)
    assert problem.raw == raw


@pytest.mark.parametrize("raw", ['[1,"1"]', '[5,"1",{}]', '[99,"x","y",{}]', '[6,"1","A",{'])
def test_an_unknown_message_type_is_to_be_ignored(raw: str) -> None:
    problem = parse_frame(raw)
    assert isinstance(problem, FrameProblem)
    assert problem.error is None


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 300, 1000, 5000])
def test_deep_nesting_is_a_problem_and_not_a_crash(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    problem = parse_frame(f'[2,"1","DataTransfer",{{"vendorId":"v","data":{nested}}}]')
    assert isinstance(problem, FrameProblem)
    assert problem.message_id == "1"


def test_many_shallow_values_are_not_deep() -> None:
    samples = ",".join(['{"value":"1"}'] * 500)
    frame = parse_frame(f'[2,"1","MeterValues",{{"meterValue":[{samples}]}}]')
    assert isinstance(frame, Call)


def test_brackets_after_the_document_are_not_counted_as_depth() -> None:
    assert isinstance(parse_frame("5" + "[" * 100), FrameProblem)


def test_a_frame_over_the_limit_is_a_problem_with_its_id() -> None:
    problem = parse_frame('[2,"1","DataTransfer",{"vendorId":"' + "x" * MAX_FRAME_BYTES + '"}]')
    assert isinstance(problem, FrameProblem)
    assert problem.message_id == "1"


def test_frames_are_written_without_blanks() -> None:
    assert encode_call("1", "Reset", {"type": "Soft"}) == '[2,"1","Reset",{"type":"Soft"}]'
    assert encode_call_result("1", {}) == '[3,"1",{}]'
    assert (
        encode_call_error("1", "NotSupported", "x" * 300)
        == f'[4,"1","NotSupported","{"x" * 255}",{{}}]'
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda children: (
        st.lists(children)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), children
        )
    ),
    max_leaves=10,
)
objects = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), json_values
)


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    objects,
)
def test_what_is_written_is_read_back(
    message_id: str, action: str, payload: dict[str, object]
) -> None:
    assert parse_frame(encode_call(message_id, action, payload)) in (
        Call(message_id, action, payload),
        Call(message_id, action, payload, mended=True),
    )


@given(st.binary() | st.text() | json_values.map(orjson.dumps), st.booleans())
def test_no_input_raises(raw: bytes | str, tolerant: bool) -> None:
    parse_frame(raw, tolerant=tolerant)

"""Answers that break their schemas are read as far as they can be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.ocpp.actions import command_actions
from csms_shared.ocpp.answers import readable_answer
from csms_shared.ocpp.schemas import MAX_PROBLEMS, response_problems
from csms_shared.ocpp.versions import OCPP16

FIELDS = st.sampled_from(
    ["status", "configurationKey", "unknownKey", "key", "value", "readonly", "listVersion",
     "certificateHashData", "hashAlgorithm", "serialNumber", "chargingSchedule", "duration",
     "chargingSchedulePeriod", "startPeriod", "limit", "chargingRateUnit", "scheduleStart",
     "fileName", "filename", "data", "surprise"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["Accepted", "A", "SHA256", "nonsense"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=15,
)


def test_an_answer_to_its_schema_is_read_as_it_is() -> None:
    answer = {"configurationKey": [{"key": "A", "readonly": True, "value": "1"}]}
    assert readable_answer(OCPP16, "GetConfiguration", answer) is answer


@pytest.mark.parametrize(
    ("action", "answer", "readable"),
    [
        ("Reset", {"status": ["Accepted"]}, {}),
        ("Reset", {"status": "Perhaps"}, {}),
        ("Reset", {"status": "Accepted", "more": [1]}, {"status": "Accepted", "more": [1]}),
        ("GetLocalListVersion", {"listVersion": 2**64 - 1}, {}),
        ("GetDiagnostics", {"fileName": 7}, {"fileName": "7"}),
        (
            "GetConfiguration",
            {"configurationKey": [{"key": "A", "readonly": "no", "value": 5}, None, 1, {}],
             "unknownKey": [None, 3]},
            {"configurationKey": [{"key": "A", "value": "5"}, {}], "unknownKey": ["3"]},
        ),
        ("GetConfiguration", {"configurationKey": {"key": "A"}}, {}),
        (
            "GetInstalledCertificateIds",
            {"status": "Accepted", "certificateHashData": {"hashAlgorithm": "SHA256"}},
            {"status": "Accepted"},
        ),
    ],
)  # fmt: skip
def test_what_is_of_a_wrong_kind_is_left_out(
    action: str, answer: dict[str, Any], readable: dict[str, Any]
) -> None:
    assert readable_answer(OCPP16, action, answer) == readable


@given(
    st.sampled_from(sorted(command_actions(OCPP16))),
    st.dictionaries(FIELDS, ANYTHING, max_size=5),
)
def test_nothing_of_a_wrong_kind_is_left_in_any_answer(action: str, answer: dict[str, Any]) -> None:
    left = response_problems(OCPP16, action, readable_answer(OCPP16, action, answer))
    assert {problem.keyword for problem in left} <= {
        "required", "additionalProperties", "maxLength", "format", "multipleOf", "minItems"
    }  # fmt: skip


def test_nothing_is_read_of_an_answer_with_more_problems_than_are_looked_for() -> None:
    keys: list[Any] = [{"key": "a", "readonly": False, "value": {}}] * (MAX_PROBLEMS + 1)
    assert readable_answer(OCPP16, "GetConfiguration", {"configurationKey": keys}) == {}


@pytest.mark.parametrize(("version", "action"), [("ocpp99", "Reset"), (OCPP16, "Teleport")])
def test_nothing_is_read_of_an_answer_in_words_that_are_not_known_here(
    version: str, action: str
) -> None:
    assert readable_answer(version, action, {"status": "Accepted"}) == {}

"""Of everything that is wrong with a call, the error names what the station must mend.

Calls with any number of deviations that are forgiven and of faults that are not, mended one answer
at a time as an installer would (docs/tolerance.md, "What an error names").
"""

import copy
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from gateway_fakes.pure_core import T0, accepted_station, sent
from hypothesis import given, settings
from hypothesis import strategies as st

from csms_simulator.sample_payloads import STATION_CALLS
from ws_gateway.domain.connection import StationConnection
from ws_gateway.ocpp.v16 import DIALECT

FORMATION = "FormationViolation"
OCCURRENCE = "OccurenceConstraintViolation"
TYPE = "TypeConstraintViolation"
PROPERTY = "PropertyConstraintViolation"
PRECEDENCE = (FORMATION, OCCURRENCE, TYPE, PROPERTY)
ABSENT = object()

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Wrong:
    """A value at its place, and the code that names it where it is answered."""

    path: Path
    value: object
    code: str

    @property
    def field(self) -> str:
        return ".".join(str(step) for step in self.path)

    @property
    def is_unknown_field(self) -> bool:
        return self.code == FORMATION


def _of_samples(key: str) -> tuple[Wrong, ...]:
    sample = (key, 0, "sampledValue", 0)
    return (
        Wrong((*sample, "signedMeterData"), "x", FORMATION),
        Wrong((key, 0, "customData"), {"vendorId": "V"}, FORMATION),
        Wrong((*sample, "phase"), None, TYPE),
        Wrong((*sample, "value"), 14302, TYPE),
        Wrong((*sample, "unit"), "WH", PROPERTY),
        Wrong((*sample, "measurand"), "Request.Energy", PROPERTY),
        Wrong((key, 0, "timestamp"), "2026-11-21T02:00:00", PROPERTY),
    )


def _wrong_samples(key: str) -> tuple[Wrong, ...]:
    return (
        Wrong((key, 0, "timestamp"), ABSENT, OCCURRENCE),
        Wrong((key, 0, "timestamp"), None, TYPE),
        Wrong((key, 0, "sampledValue", 0, "value"), True, TYPE),
        Wrong((key, 0, "sampledValue", 0, "location"), ["EV"], TYPE),
        Wrong((key, 0, "sampledValue", 1), "230.1", TYPE),
    )


FORGIVEN: dict[str, tuple[Wrong, ...]] = {
    "BootNotification": (
        Wrong(("chargePointVendor",), "V" * 21, PROPERTY),
        # Too long once it is text.
        Wrong(("iccid",), -2.2250738585072014e-308, TYPE),
        Wrong(("imsi",), None, TYPE),
        Wrong(("firmwareVersion",), 1.25, TYPE),
        Wrong(("meterType",), "M" * 26, PROPERTY),
    ),
    "DataTransfer": (Wrong(("data",), {"a": 1}, TYPE), Wrong(("messageId",), None, TYPE)),
    "MeterValues": (
        *_of_samples("meterValue"),
        Wrong(("transactionId",), None, TYPE),
        Wrong(("more",), 1, FORMATION),
    ),
    "StartTransaction": (
        Wrong(("idTag",), "A" * 21, PROPERTY),
        Wrong(("reservationId",), None, TYPE),
        Wrong(("timestamp",), "0000-00-00T00:00:00Z", PROPERTY),
        Wrong(("more",), 1, FORMATION),
    ),
    "StatusNotification": (
        Wrong(("errorCode",), "Error", PROPERTY),
        Wrong(("status",), "PREPARING", PROPERTY),
        Wrong(("info",), None, TYPE),
        Wrong(("timestamp",), "", PROPERTY),
    ),
    "StopTransaction": (
        *_of_samples("transactionData"),
        Wrong(("idTag",), "A" * 255, PROPERTY),
        Wrong(("reason",), "EVFull", PROPERTY),
        Wrong(("more",), None, FORMATION),
    ),
}

REFUSED: dict[str, tuple[Wrong, ...]] = {
    "BootNotification": (
        Wrong(("chargePointVendor",), ABSENT, OCCURRENCE),
        Wrong(("chargePointModel",), None, TYPE),
        Wrong(("meterType",), ["M"], TYPE),
        Wrong(("chargingStation",), {}, FORMATION),
    ),
    "DataTransfer": (
        Wrong(("vendorId",), ABSENT, OCCURRENCE),
        Wrong(("messageId",), "M" * 51, PROPERTY),
        Wrong(("more",), 1, FORMATION),
    ),
    "MeterValues": (
        *_wrong_samples("meterValue"),
        Wrong(("connectorId",), ABSENT, OCCURRENCE),
        Wrong(("connectorId",), None, TYPE),
        Wrong(("transactionId",), "81", TYPE),
    ),
    "StartTransaction": (
        Wrong(("connectorId",), "1", TYPE),
        Wrong(("idTag",), 4, TYPE),
        Wrong(("idTag",), "A" * 256, PROPERTY),
        Wrong(("meterStart",), ABSENT, OCCURRENCE),
        Wrong(("timestamp",), None, TYPE),
    ),
    "StatusNotification": (
        Wrong(("connectorId",), ABSENT, OCCURRENCE),
        Wrong(("status",), "Gone", PROPERTY),
        Wrong(("status",), None, TYPE),
        Wrong(("info",), "i" * 51, PROPERTY),
        Wrong(("more",), 1, FORMATION),
    ),
    "StopTransaction": (
        *_wrong_samples("transactionData"),
        Wrong(("meterStop",), 1.5, TYPE),
        Wrong(("transactionId",), ABSENT, OCCURRENCE),
        Wrong(("timestamp",), 5, TYPE),
    ),
}


@st.composite
def wrong_calls(draw: st.DrawFn) -> tuple[str, list[Wrong], list[Wrong], int]:
    """Draw an action, what is forgiven, what is refused, and how many empty meter values lead."""
    action = draw(st.sampled_from(sorted(FORGIVEN)))
    chosen: list[Wrong] = []
    for wrong in draw(st.permutations(FORGIVEN[action] + REFUSED[action])):
        if draw(st.booleans()) and not any(_overlap(wrong.path, other.path) for other in chosen):
            chosen.append(wrong)
    refused = [wrong for wrong in chosen if wrong in REFUSED[action]]
    forgiven = [wrong for wrong in chosen if wrong not in refused]
    empty = draw(st.integers(0, 2)) if _meter_values(action) else 0
    return action, forgiven, refused, empty


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _meter_values(action: str) -> str | None:
    return {"MeterValues": "meterValue", "StopTransaction": "transactionData"}.get(action)


def _payload(action: str, wrong: list[Wrong], empty: int) -> dict[str, Any]:
    payload = copy.deepcopy(STATION_CALLS[action])
    for one in wrong:
        holder: Any = payload
        for step in one.path[:-1]:
            holder = holder[step]
        if one.value is ABSENT:
            del holder[one.path[-1]]
        else:
            holder[one.path[-1]] = copy.deepcopy(one.value)
    key = _meter_values(action)
    if key is not None:
        payload[key][:0] = [{"timestamp": "2026-11-21T02:00:00Z"} for _ in range(empty)]
    return payload


def _named(wrong: Wrong, empty: int) -> str:
    """The field as an error names it, at its place among the empty meter values before it."""
    if len(wrong.path) > 1:
        key, place, *rest = wrong.path
        return Wrong((key, int(place) + empty, *rest), None, "").field
    return wrong.field


def _answer(station: StationConnection, action: str, payload: dict[str, Any]) -> list[Any] | None:
    """Return the CALLERROR, or None where the call goes on to its service."""
    frames = sent(station.receive(orjson.dumps([2, "x", action, payload]), T0))
    if not frames:
        return None
    (frame,) = frames
    assert frame[:2] == [4, "x"]
    return list(frame)


def _first(wrong: list[Wrong]) -> str:
    return min((one.code for one in wrong), key=PRECEDENCE.index)


@settings(max_examples=600, deadline=None)
@given(wrong_calls())
def test_an_error_names_what_is_not_forgiven_until_that_is_mended(
    drawn: tuple[str, list[Wrong], list[Wrong], int],
) -> None:
    action, forgiven, faults, empty = drawn
    faults = list(faults)
    while faults:
        frame = _answer(accepted_station(), action, _payload(action, forgiven + faults, empty))
        assert frame is not None, faults
        _, _, code, description, _ = frame
        field = description.partition(": ")[0]
        (named,) = [one for one in faults if (one.code, _named(one, empty)) == (code, field)]
        causes = [one for one in faults if not one.is_unknown_field]
        assert code == _first(causes or faults)
        faults.remove(named)
    assert _answer(accepted_station(), action, _payload(action, forgiven, empty)) is None


@settings(max_examples=300, deadline=None)
@given(wrong_calls())
def test_a_strict_station_is_told_the_first_of_everything_by_the_order_of_the_codes(
    drawn: tuple[str, list[Wrong], list[Wrong], int],
) -> None:
    action, forgiven, refused, _ = drawn
    station = StationConnection(DIALECT, 3, "accepted", T0, booted=True, strict=True)
    wrong = forgiven + refused
    frame = _answer(station, action, _payload(action, wrong, 0))
    if not wrong:
        assert frame is None
        return
    assert frame is not None
    assert frame[2] == _first(wrong)
    assert frame[3].partition(": ")[0] in {one.field for one in wrong if one.code == frame[2]}


@pytest.mark.parametrize("action", FORGIVEN)
def test_every_deviation_is_forgiven_and_every_fault_refused_by_itself(action: str) -> None:
    for deviation in FORGIVEN[action]:
        payload = _payload(action, [deviation], 0)
        assert _answer(accepted_station(), action, payload) is None, deviation
    for fault in REFUSED[action]:
        frame = _answer(accepted_station(), action, _payload(action, [fault], 0))
        assert frame is not None, fault
        assert (frame[2], frame[3].partition(": ")[0]) == (fault.code, fault.field)

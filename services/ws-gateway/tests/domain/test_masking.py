"""No secret survives masking, and what is none stays as it was."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.contracts.recordings import unpack
from ws_gateway.domain.masking import MASK, masked
from ws_gateway.domain.recording import Kept, seal
from ws_gateway.ocpp.v16 import DIALECT

# In no word that is written around it.
SECRET = "q7Zx9Wv3Lk5T"
NAMES = (
    "AuthorizationKey",
    "authorizationkey",
    "AUTHORIZATION_KEY",
    "Authorization-Key",
    "WiFiPassword",
    "wifi.passwd",
    "APNPass",
    "ftp_pwd",
    "WPA-PSK",
    "clientSecret",
    "Credentials",
    "apiKey",
    "PrivateKey",
    "accessToken",
)
_LETTERS = "akey:/@\\\"'{}[]=& \n\x00ſéP"
names = st.sampled_from(NAMES)
fillers = st.dictionaries(
    st.text(_LETTERS, max_size=8),
    st.one_of(st.integers(-9, 9), st.text(_LETTERS, max_size=8), st.booleans()),
    max_size=3,
)


def recorded(raw: bytes) -> str:
    """Return the frame as it is stored."""
    sealed = seal([Kept("A", "c", 1, False, raw, DIALECT.masking)], {})
    (frame,) = unpack(sealed.packed, "A")
    return frame.text


def shapes(name: str, filler: dict[str, Any]) -> list[list[Any]]:
    key_first = {"key": name, "value": SECRET, **filler}
    return [
        [2, "1", "ChangeConfiguration", {"key": name, "value": SECRET}],
        [2, "1", "ChangeConfiguration", {"value": SECRET, "key": name}],
        [3, "1", {"configurationKey": [filler, {"key": name, "readonly": False, "value": SECRET}]}],
        [3, "1", {"configurationKey": [{"key": name, "value": [SECRET, {"a": SECRET}]}]}],
        [2, "1", "DataTransfer", {"vendorId": "V", "data": orjson.dumps(key_first).decode()}],
        [2, "1", "DataTransfer", {"vendorId": "V", "data": f"{name}={SECRET}"}],
        [2, "1", "DataTransfer", {"vendorId": "V", "data": {name: SECRET}}],
        [4, "1", "GenericError", f"{name} must not be '{SECRET}'", {}],
        [4, "1", "GenericError", "", {name: {"was": SECRET}}],
    ]


@given(names, fillers, st.sampled_from([orjson.dumps, lambda node: orjson.dumps(node, option=2)]))
def test_no_secret_survives_in_any_known_place(
    name: str, filler: dict[str, Any], dumps: Callable[[list[Any]], bytes]
) -> None:
    filler = {key: value for key, value in filler.items() if key not in ("key", "value", name)}
    for shape in shapes(name, filler):
        text = recorded(dumps(shape))
        assert SECRET not in text
        assert orjson.loads(text)[:2] == shape[:2]


@given(names, st.integers(1, 200), st.binary(max_size=3))
def test_no_secret_survives_in_a_frame_that_cannot_be_read(
    name: str, cut: int, junk: bytes
) -> None:
    whole = orjson.dumps([2, "1", "ChangeConfiguration", {"key": name, "value": SECRET}])
    for raw in (whole[:-cut], whole[:-2] + junk, junk + whole, b"\xef\xbb\xbf" + whole + b"\x00"):
        assert SECRET not in recorded(raw) or name.encode() not in raw


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_spelled_with_escapes_hides_nothing(name: str) -> None:
    spelled = b"".join(b"\\u%04x" % ord(letter) for letter in name)
    frame = b'[2,"1","ChangeConfiguration",{"key":"' + spelled + b'","value":"q7Zx9Wv3Lk5T"}]'
    assert SECRET not in recorded(frame)
    assert SECRET not in recorded(frame[:-3])


def test_of_a_field_that_comes_twice_neither_is_shown() -> None:
    frame = b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"%s","value":"x"}]'
    assert SECRET not in recorded(frame % SECRET.encode())
    other = b'[2,"1","A",{"key":"AuthorizationKey","value":"%s","key":"HeartbeatInterval"}]'
    assert SECRET not in recorded(other % SECRET.encode())


@pytest.mark.parametrize(
    "location",
    [
        f"ftp://user:{SECRET}@files.example/up",
        f"ftp://{SECRET}:x@files.example/up",
        f"ftp://user:{SECRET}/with/slash@files.example/up",
        f"https://files.example/up?token={SECRET}&x=1",
        f"https://files.example/up;X-Signature={SECRET}",
        f"https://files.example/uploads/{SECRET}{SECRET}",
    ],
)
def test_logins_and_tokens_in_urls_are_masked(location: str) -> None:
    for action, field in (("GetDiagnostics", "location"), ("GetLog", "remoteLocation")):
        text = recorded(orjson.dumps([2, "1", action, {field: location}]))
        assert SECRET not in text
        assert "files.example" in text
        escaped_slashes = orjson.dumps([2, "1", action, {field: location}]).replace(b"/", b"\\/")
        assert SECRET not in recorded(escaped_slashes)


def test_a_private_key_is_masked_and_a_certificate_is_not() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIpskpwd\n-----END CERTIFICATE-----\n"
    key = f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n-----END EC PRIVATE KEY-----\n"
    shown = recorded(orjson.dumps([2, "1", "InstallCertificate", {"certificate": certificate}]))
    assert orjson.loads(shown)[3] == {"certificate": certificate}
    for pem in (key, certificate + key):
        assert SECRET not in recorded(orjson.dumps([2, "1", "X", {"certificate": pem}]))


def test_what_a_station_says_of_a_refused_configuration_is_not_shown() -> None:
    raw = orjson.dumps([4, "1", "GenericError", f"{SECRET} is too short", {"was": SECRET}])
    kept = Kept("A", "c", 1, True, raw, DIALECT.masking, "ChangeConfiguration", 5, "GenericError")
    (frame,) = unpack(seal([kept], {}).packed, "A")
    assert orjson.loads(frame.text) == [4, "1", "GenericError", MASK, {}]


@pytest.mark.parametrize(
    "frame",
    [
        [2, "1", "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "300"}],
        [2, "1", "GetConfiguration", {"key": ["AuthorizationKey", "HeartbeatInterval"]}],
        [3, "1", {"configurationKey": [{"key": "K", "readonly": True}], "unknownKey": ["P"]}],
        [2, "1", "StartTransaction", {"connectorId": 1, "idTag": "TOKEN-1", "meterStart": 0}],
        [2, "1", "BootNotification", {"chargePointVendor": "V@x", "chargePointModel": "key"}],
        [2, "1", "StatusNotification", {"connectorId": 1, "info": "passed self test"}],
    ],
)
def test_what_is_no_secret_stays_as_it_was(frame: list[Any]) -> None:
    raw = orjson.dumps(frame)
    assert recorded(raw) == raw.decode()


def test_deep_nesting_is_cut_rather_than_searched() -> None:
    deep = "[" * 900 + '"' + SECRET + '"' + "]" * 900
    assert SECRET not in masked('[2,"1","A",{"key":"x","v":' + deep + "}]")


def test_a_call_that_was_forgiven_a_field_is_searched_whatever_its_action() -> None:
    raw = orjson.dumps([2, "1", "MeterValues", {"connectorId": 1, "password": SECRET}])
    for verdict in ({"tolerated": ("unknown_field",)}, {"error": "FormationViolation"}):
        kept = Kept("A", "c", 1, True, raw, DIALECT.masking, "MeterValues", **verdict)
        (frame,) = unpack(seal([kept], {}).packed, "A")
        assert SECRET not in frame.text


def test_a_refusal_that_can_not_be_written_again_takes_no_other_frame_along() -> None:
    deep = b'[4,"1",' + b"[" * 300 + b"]" * 300 + b',"' + SECRET.encode() + b'",{}]'
    refusal = Kept("A", "c", 1, True, deep, DIALECT.masking, "ChangeConfiguration", 5, "Unreadable")
    other = Kept("A", "c", 2, True, b'[2,"2","Heartbeat",{}]', DIALECT.masking, "Heartbeat")
    sealed = seal([refusal, other], {})
    assert [frame.text for frame in unpack(sealed.packed, "A")] == [MASK, '[2,"2","Heartbeat",{}]']

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.domain.basic_auth import presented_password
from ws_gateway.domain.identity import IdentityProblem, station_id_from_path
from ws_gateway.ocpp.subprotocol import negotiate


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/", IdentityProblem.WRONG_PATH),
        ("/api/v1/stations", IdentityProblem.WRONG_PATH),
        ("/ocppx/CP1", IdentityProblem.WRONG_PATH),
        ("/OCPP/CP1", IdentityProblem.WRONG_PATH),
        ("/ocpp", IdentityProblem.EMPTY),
        ("/ocpp/", IdentityProblem.EMPTY),
        ("/ocpp//", IdentityProblem.EMPTY),
        ("/ocpp/?id=CP1", IdentityProblem.EMPTY),
        ("/ocpp/" + "x" * 256, IdentityProblem.TOO_LONG),
        ("/ocpp/" + "%C3%A4" * 128, IdentityProblem.TOO_LONG),
        ("/ocpp/.", IdentityProblem.DOTS),
        ("/ocpp/..", IdentityProblem.DOTS),
        ("/ocpp/%2E", IdentityProblem.DOTS),
        ("/ocpp/.%2e/", IdentityProblem.DOTS),
        ("/ocpp/CP1/..?x", IdentityProblem.DOTS),
        ("/ocpp/CP%001", IdentityProblem.CONTROL_CHARACTER),
        ("/ocpp/CP%0A1", IdentityProblem.CONTROL_CHARACTER),
        ("/ocpp/CP%C2%85", IdentityProblem.CONTROL_CHARACTER),
        ("/ocpp/CP%FF", IdentityProblem.NOT_UTF8),
        ("/ocpp/CP\udcff", IdentityProblem.NOT_UTF8),
    ],
)
def test_a_path_that_names_no_station_has_a_reason(path: str, problem: IdentityProblem) -> None:
    assert station_id_from_path(path) is problem


@pytest.mark.parametrize("name", ["...", ".a", "a.", "a..b", "%2E"])
def test_dots_in_an_identity_are_part_of_it(name: str) -> None:
    assert station_id_from_path("/ocpp/" + quote(name)) == name


def test_an_identity_of_255_bytes_is_the_longest() -> None:
    assert station_id_from_path("/ocpp/" + "x" * 255) == "x" * 255


@given(st.text())
def test_no_path_raises(path: str) -> None:
    station_id_from_path(path)
    station_id_from_path("/ocpp/" + path)


@given(st.lists(st.text()))
def test_no_subprotocol_header_raises(headers: list[str]) -> None:
    negotiate(headers)


def basic(credentials: bytes) -> str:
    return "Basic " + base64.b64encode(credentials).decode()


@pytest.mark.parametrize(
    ("header", "password"),
    [
        (basic(b"CP1:secret"), b"secret"),
        (basic(b"cp1:secret"), b"secret"),
        (basic(b":secret"), b"secret"),
        (basic(b"secret"), b"secret"),
        (basic(b"CP1:a:b:c"), b"a:b:c"),
        (basic(b"CP1:"), b""),
        (basic(b"CP1:\x00\xff:\xfe"), b"\x00\xff:\xfe"),
        (basic(b"CP1:secret").rstrip("="), b"secret"),
        (basic(b"CP1:secret").replace("Basic", "basic"), b"secret"),
        ("Bearer abc", None),
        ("Basic ?!", None),
        ("Basic ä", None),
        ("", None),
        (None, None),
    ],
)
def test_the_password_is_what_follows_the_first_colon(
    header: str | None, password: bytes | None
) -> None:
    assert presented_password(header, "CP1") == password


def test_a_station_id_with_colons_is_a_user_name_as_a_whole() -> None:
    assert presented_password(basic(b"ws:CP:1:secret"), "ws:CP:1") == b"secret"


@given(st.text(), st.text(st.characters(exclude_categories=["Cs"])))
def test_no_authorization_header_raises(header: str, station_id: str) -> None:
    presented_password(header, station_id)
    presented_password("Basic " + header, station_id)

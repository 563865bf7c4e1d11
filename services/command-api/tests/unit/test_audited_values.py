"""What the audit keeps of a request: its target, and values without secrets, of bounded size."""

import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_api.audit.domain import (
    FIELD_MAX_BYTES,
    VALUE_MAX_BYTES,
    Target,
    item_path,
    kept,
    made_id,
    target_of,
)

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
SECRET = "Tr0ub4dor&3-long-enough"


@pytest.mark.parametrize(
    ("path", "asked", "target", "item"),
    [
        ("/stations/S", None, Target("stations", "S"), "/stations/S"),
        ("/stations/ESC%2F1/password", {}, Target("stations", "ESC/1"), "/stations/ESC%2F1"),
        ("/stations", {"station_id": "S"}, Target("stations", "S"), None),
        ("/stations", None, Target("stations", None), None),
        ("/stations", [], Target("stations", None), None),
        ("/stations/", {}, Target("stations", None), None),
        ("/transactions/7/close", {}, Target("transactions", "7"), "/transactions/7"),
        ("/transactions/bulk/close", {"all": True}, Target("transactions", None), None),
        ("/reservations", {"station_id": "S"}, Target("reservations", None), None),
        ("/users/me/password", {}, Target("users", "anna"), "/users/me"),
        ("/users/mexico", {}, Target("users", "mexico"), "/users/mexico"),
        ("/auth/logout", None, Target("users", "anna"), "/auth/logout"),
    ],
)  # fmt: skip
def test_a_path_and_a_body_name_what_they_are_about(
    path: str, asked: Json, target: Target, item: str | None
) -> None:
    assert target_of(f"/api/v1{path}", asked, "anna") == target
    assert item_path(f"/api/v1{path}") == (None if item is None else f"/api/v1{item}")


def test_an_id_is_what_a_column_can_hold() -> None:
    assert made_id("stations", {"station_id": "a\0b"}) is None
    assert made_id("stations", {"station_id": ["S"]}) is None
    assert made_id("stations", {"station_id": "x" * 300}) == "x" * 255
    assert made_id("reservations", {"reservation_id": 7, "station_id": "S"}) == "7"


@pytest.mark.parametrize(
    "document",
    [
        {"password": SECRET},
        {"new_password": SECRET, "current_password": SECRET},
        {"values": {"AuthorizationKey": SECRET}},
        {"items": [{"key": "authorizationkey", "value": SECRET, "readonly": False}]},
        {"location": f"ftp://someone:{SECRET}@example.org/firmware.bin"},
        {"location": f"https://example.org/firmware.bin?X-Token={SECRET}"},
        {"name": "n", "key": "csms_" + "a" * 43},
        ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"],
        ["Bearer: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl, as given"],
        {"location": f"ftp://someone:p@ss:{SECRET}@example.org/firmware.bin"},
        {"location": f"someone:{SECRET}@example.org"},
        {"location": f"https://example.org/?next=/x?{'n' * 300}token={SECRET}"},
        {"location": f"https://example.org/?a=b?token=a?{SECRET}"},
    ],
)
def test_no_secret_is_kept(document: Json) -> None:
    text = orjson.dumps(kept(document)).decode()
    assert "***" in text
    for secret in (SECRET, "a" * 43, "c2lnbmF0dXJl"):
        assert secret not in text


def test_what_is_no_secret_is_kept_as_it_is() -> None:
    document = {
        "station_id": "S",
        "id_token": "04A1",
        "exempt_from_limits": True,
        "password": None,
        "items": [{"key": "HeartbeatInterval", "value": "300"}],
        "location": "https://example.org/firmware.bin?version=2",
    }
    assert kept(document) == document


def test_of_a_long_value_the_long_fields_are_left_out_and_their_size_is_told() -> None:
    document = {"name": "n", "values": ["x" * 100] * 1_000}
    size = len(orjson.dumps(document["values"]))
    assert kept(document) == {"name": "n", "values": {"omitted_bytes": size}}
    whole = ["x" * FIELD_MAX_BYTES] * 20
    assert kept(whole) == {"omitted_bytes": len(orjson.dumps(whole))}


@pytest.mark.parametrize(
    "text",
    ["eyJ", "eyJ.", "a:", "a:/", ".", "?", "?pass", "&pass", "csms_a ", "csms_", "@a:", "a "],
)
def test_a_text_that_repeats_itself_is_masked_in_time(text: str) -> None:
    # As long as a body: the one thread that answers everybody must not be busy with it.
    body = (text * 1_048_576)[:1_048_576]
    began = time.process_time()
    kept({"name": body})
    assert time.process_time() - began < 2.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@settings(deadline=None)
@given(document=JSON, times=st.integers(1, 1_000))
def test_whatever_is_asked_is_kept_in_so_many_bytes(document: Json, times: int) -> None:
    assert len(orjson.dumps(kept([document] * times))) <= VALUE_MAX_BYTES
    assert len(orjson.dumps(kept({"items": [document] * times}))) <= VALUE_MAX_BYTES


def test_what_is_nested_deep_is_kept_to_a_depth() -> None:
    deep: Json = []
    for _ in range(900):
        deep = [deep]
    assert len(orjson.dumps(kept({"deep": deep}))) < 200

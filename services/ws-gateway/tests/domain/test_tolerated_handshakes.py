"""How real stations connect, each deviation by its number."""

import base64

import pytest

from csms_shared.ocpp.credentials import credential_proofs
from ws_gateway.domain.basic_auth import presented_password
from ws_gateway.domain.identity import station_id_from_path
from ws_gateway.ocpp.subprotocol import Subprotocol, negotiate
from ws_gateway.ocpp.v16 import DIALECT


def test_trap_1_a_station_that_offers_no_subprotocol_speaks_ocpp_16() -> None:
    assert negotiate([]) == Subprotocol(DIALECT, None)
    assert negotiate([""]) == Subprotocol(DIALECT, None)


def test_trap_3_the_first_supported_subprotocol_in_the_stations_order_is_chosen() -> None:
    assert negotiate(["ocpp1.6, ocpp1.5"]) == Subprotocol(DIALECT, "ocpp1.6")
    assert negotiate(["ocpp2.7,ocpp1.6"]) == Subprotocol(DIALECT, "ocpp1.6")
    assert negotiate(["ocpp1.5", "ocpp1.6"]) == Subprotocol(DIALECT, "ocpp1.6")
    assert negotiate(["ocpp1.5, mqtt"]) is None


@pytest.mark.parametrize(
    ("path", "station_id"),
    [
        ("/ocpp/CP001", "CP001"),
        ("/ocpp/RDAM%20123", "RDAM 123"),
        ("/ocpp/ESC%2F1%20x", "ESC/1 x"),
        ("/ocpp/DE*ABC*E%C3%A4-1_2", "DE*ABC*Eä-1_2"),
        ("/ocpp/CP001/", "CP001"),
        ("/ocpp/ws://10.0.0.1:8887/CP001", "CP001"),
        ("/ocpp/100%25", "100%"),
        ("/ocpp/CP%252F1", "CP%2F1"),
        ("/ocpp/CP001?version=1", "CP001"),
    ],
)
def test_trap_4_the_last_segment_is_decoded_once(path: str, station_id: str) -> None:
    assert station_id_from_path(path) == station_id


@pytest.mark.parametrize("user_name", ["AL1000", "al1000", ""])
def test_trap_6_a_key_is_accepted_as_hex_text_and_as_decoded_bytes_under_any_user_name(
    user_name: str,
) -> None:
    key = "00013A030405060708FFFFFFFCCCCCCCCCCCCCCC"
    stored = set(credential_proofs(b"pepper", "AL1000", key.encode()))
    for password in (key.encode(), key.lower().encode(), bytes.fromhex(key)):
        token = base64.b64encode(user_name.encode() + b":" + password).decode()
        presented = presented_password(f"Basic {token}", "AL1000")
        assert presented is not None
        assert stored & set(credential_proofs(b"pepper", "AL1000", presented))

"""What headers say of where a station connects from."""

import base64
import contextlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from csms_shared.values.trusted_proxies import parse_networks
from ws_gateway.domain.client_cert_header import BadClientCert, certificate_in
from ws_gateway.domain.presented import Presented
from ws_gateway.websocket.client_address import ClientAddresses


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.1", "198.51.100.7", "203.0.113.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.2.3.4", "198.51.100.7"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.9", "10.0.0.9"),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_counts(
    peer: str, forwarded: str, address: str
) -> None:
    addresses = ClientAddresses(parse_networks("10.0.0.0/8"))
    assert addresses.address(peer, Headers({"X-Forwarded-For": forwarded})) == address


def test_only_a_trusted_proxy_can_say_that_tls_was_used() -> None:
    addresses = ClientAddresses(parse_networks("10.0.0.1"))
    headers = Headers({"X-Forwarded-Proto": "https"})
    plain, secured = Presented(), Presented(tls=True)
    assert addresses.presented("10.0.0.1", headers, plain) == secured
    assert addresses.presented("203.0.113.1", headers, plain) == plain
    assert addresses.presented("10.0.0.1", Headers(), plain) == plain


def test_a_proxy_that_came_by_tls_itself_speaks_for_its_client_not_for_itself() -> None:
    addresses = ClientAddresses(parse_networks("10.0.0.1"))
    own = Presented(tls=True, certificate=b"the proxy's own")
    handed_on = Headers({"X-Forwarded-For": "203.0.113.1", "X-Forwarded-Proto": "http"})
    assert addresses.presented("10.0.0.1", handed_on, own) == Presented()
    assert addresses.presented("203.0.113.1", handed_on, own) == own
    assert addresses.presented("10.0.0.1", Headers(), own) == own


DER = b"\x30\x03\x02\x01\x05"
B64 = base64.b64encode(DER).decode()
PEM = f"-----BEGIN CERTIFICATE-----\n{B64}\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("written", [f":{B64}:", quote(PEM), quote(PEM, safe="")])
def test_a_client_certificate_counts_from_a_trusted_proxy_that_took_tls_off(written: str) -> None:
    addresses = ClientAddresses(parse_networks("10.0.0.1"))
    headers = Headers({"X-Forwarded-Proto": "https", "Client-Cert": written})
    assert addresses.presented("10.0.0.1", headers, Presented()).certificate == DER
    assert addresses.presented("203.0.113.1", headers, Presented()) == Presented()
    headers = Headers({"Client-Cert": written})
    assert addresses.presented("10.0.0.1", headers, Presented()) == Presented()


@pytest.mark.parametrize(
    "values",
    [
        [":"],
        ["::"],
        [":!:"],
        [f":{B64}"],
        [B64],
        ["%"],
        [quote(PEM[:-9])],
        [f":{B64}:", f":{B64}:"],
    ],
)
def test_what_a_proxy_hands_on_as_a_certificate_and_is_none_is_refused(values: list[str]) -> None:
    with pytest.raises(BadClientCert):
        certificate_in(values)


@given(st.text(max_size=60))
def test_any_header_is_a_certificate_none_or_refused(text: str) -> None:
    with contextlib.suppress(BadClientCert):
        assert certificate_in([text]) != b""

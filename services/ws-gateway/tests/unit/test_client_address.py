"""What headers say of where a station connects from."""

import pytest
from websockets.datastructures import Headers

from ws_gateway.settings import parse_networks
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
    assert addresses.used_tls("10.0.0.1", headers)
    assert not addresses.used_tls("203.0.113.1", headers)
    assert not addresses.used_tls("10.0.0.1", Headers())

"""How fast stations are let in, and what headers say of where they come from."""

import pytest
from websockets.datastructures import Headers

from ws_gateway.settings import parse_networks
from ws_gateway.websocket.admission import LONGEST_WAIT_S, Admission
from ws_gateway.websocket.client_address import ClientAddresses


def test_a_burst_goes_through_then_the_others_wait_and_too_many_are_refused() -> None:
    now = [100.0]
    admission = Admission(rate=10, burst=5, clock=lambda: now[0])
    waits = [admission.wait_s() for _ in range(100)]
    assert waits[:6] == [0.0] * 6
    assert waits[6] == pytest.approx(0.1)
    admitted = [wait for wait in waits if wait is not None]
    assert max(admitted) <= LONGEST_WAIT_S
    assert waits[-1] is None
    now[0] += 20
    assert admission.wait_s() == 0.0


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

"""The header with which a balancer says who connects, by haproxy's doc/proxy-protocol.txt, 2.2."""

import contextlib
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.domain.proxy_protocol import (
    HEAD_BYTES,
    BadProxyHeader,
    body_bytes,
    client_address,
)

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
PROXY, LOCAL = 0x21, 0x20
TCP4, TCP6, UNIX, UNSPECIFIED = 0x11, 0x21, 0x31, 0x00


def header(command: int, family: int, body: bytes) -> tuple[bytes, bytes]:
    return SIGNATURE + struct.pack(">BBH", command, family, len(body)), body


def addresses(client: str, balancer: str) -> bytes:
    packed = (ipaddress.ip_address(one).packed for one in (client, balancer))
    return b"".join(packed) + struct.pack(">HH", 51234, 9443)


@pytest.mark.parametrize("more", [b"", b"\x03\x00\x04\x00\x00\x00\x00"])
@pytest.mark.parametrize(
    ("family", "client", "balancer"),
    [(TCP4, "203.0.113.9", "10.0.0.1"), (TCP6, "2001:db8::9", "2001:db8::1")],
)
def test_the_client_s_address_is_read_whatever_the_balancer_adds(
    family: int, client: str, balancer: str, more: bytes
) -> None:
    head, body = header(PROXY, family, addresses(client, balancer) + more)
    assert body_bytes(head) == len(body)
    assert client_address(head, body) == client


@pytest.mark.parametrize(
    ("command", "family", "body"),
    [
        (LOCAL, UNSPECIFIED, b""),
        (LOCAL, TCP4, addresses("203.0.113.9", "10.0.0.1")),
        (PROXY, UNSPECIFIED, b""),
        (PROXY, UNIX, bytes(216)),
    ],
)
def test_a_balancer_that_names_no_client_is_taken_for_itself(
    command: int, family: int, body: bytes
) -> None:
    assert client_address(*header(command, family, body)) is None


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"PROXY TCP4 203.0", id="version 1"),
        pytest.param(SIGNATURE + b"\x11\x11\x00\x0c", id="another version"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(5), id="a TLS hello"),
        pytest.param(SIGNATURE + b"\x21\x11\xff\xff", id="longer than any"),
    ],
)
def test_what_is_no_such_header_is_refused(head: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        body_bytes(head)


@pytest.mark.parametrize(
    ("command", "family", "body"),
    [
        (0x22, TCP4, addresses("203.0.113.9", "10.0.0.1")),
        (PROXY, TCP4, bytes(11)),
        (PROXY, TCP6, bytes(35)),
    ],
)
def test_an_unknown_command_or_half_an_address_is_refused(
    command: int, family: int, body: bytes
) -> None:
    with pytest.raises(BadProxyHeader):
        client_address(*header(command, family, body))


@given(st.binary(min_size=HEAD_BYTES, max_size=HEAD_BYTES), st.binary(max_size=40), st.booleans())
def test_any_bytes_are_an_address_none_or_refused(head: bytes, body: bytes, signed: bool) -> None:
    with contextlib.suppress(BadProxyHeader):
        head = SIGNATURE + head[12:] if signed else head
        body_bytes(head)
        found = client_address(head, body)
        assert found is None or str(ipaddress.ip_address(found)) == found

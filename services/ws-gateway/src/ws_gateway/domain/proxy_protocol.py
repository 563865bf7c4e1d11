"""Who connects through a balancer that passes TLS on unread: the PROXY protocol, version 2.

haproxy's `doc/proxy-protocol.txt`, section 2.2. Version 1 is not read.
"""

import ipaddress

HEAD_BYTES = 16
_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_VERSION = 2
_LOCAL, _PROXY = 0, 1
# Length of one address by address family; the others name no IP address.
_ADDRESS_BYTES = {1: 4, 2: 16}
_PORTS_BYTES = 4
# Addresses and what balancers add to them; a UNIX address takes 216.
_MOST_BODY_BYTES = 1024


class BadProxyHeader(ValueError):
    """The connection does not begin as a trusted balancer's must."""


def body_bytes(head: bytes) -> int:
    """Return how many bytes follow the first `HEAD_BYTES`.

    Raises:
        BadProxyHeader: this is no header of version 2, or one that is too long.
    """
    if head[:12] != _SIGNATURE or head[12] >> 4 != _VERSION:
        raise BadProxyHeader("the balancer sent no PROXY protocol header of version 2")
    length = int.from_bytes(head[14:16], "big")
    if length > _MOST_BODY_BYTES:
        raise BadProxyHeader(f"the PROXY protocol header has {length} bytes")
    return length


def client_address(head: bytes, body: bytes) -> str | None:
    """Return the client's address, None where the balancer speaks for itself or names none.

    Raises:
        BadProxyHeader: the command is unknown, or the addresses are cut short.
    """
    command, family = head[12] & 0x0F, head[13] >> 4
    if command == _LOCAL:
        return None
    if command != _PROXY:
        raise BadProxyHeader(f"the PROXY protocol knows no command {command}")
    size = _ADDRESS_BYTES.get(family)
    if size is None:
        return None
    if len(body) < 2 * size + _PORTS_BYTES:
        raise BadProxyHeader("the PROXY protocol header is cut short")
    return str(ipaddress.ip_address(body[:size]))

"""Which proxies are believed when they say for whom they speak."""

import ipaddress
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks separated by commas.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(
        ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()
    )


def _are_networks(text: str) -> str:
    parse_networks(text)
    return text


# A setting: what `parse_networks` reads.
Networks = Annotated[str, AfterValidator(_are_networks)]


class TrustedProxies:
    """Tells the address of a client from who connects and the `X-Forwarded-For` that came along."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted

    def client(self, peer: str, forwarded_for: Iterable[str]) -> str:
        """Return the nearest address that is no trusted proxy; `forwarded_for` are the headers."""
        address = peer
        forwarded = ",".join(forwarded_for).split(",")
        while self.trusts(address):
            nearest = forwarded.pop().strip() if forwarded else ""
            if not _is_address(nearest):
                break
            address = nearest
        return address

    def trusts(self, address: str) -> bool:
        """Tell whether this is a trusted proxy's address."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

"""Where a station connects from; headers count only from trusted proxies."""

import ipaddress

from websockets.datastructures import Headers

from ws_gateway.settings import Network


class ClientAddresses:
    """Tells the address of a client and whether its proxy took TLS off."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted

    def address(self, peer: str, headers: Headers) -> str:
        """Return the nearest address that is no trusted proxy."""
        address = peer
        forwarded = ",".join(headers.get_all("X-Forwarded-For")).split(",")
        while self._is_trusted(address):
            nearest = forwarded.pop().strip() if forwarded else ""
            if not _is_address(nearest):
                break
            address = nearest
        return address

    def used_tls(self, peer: str, headers: Headers) -> bool:
        """Tell whether a trusted proxy says that the client came by TLS."""
        schemes = headers.get_all("X-Forwarded-Proto")
        return self._is_trusted(peer) and schemes[-1:] in (["https"], ["wss"])

    def _is_trusted(self, address: str) -> bool:
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

"""Where and how a station connects; headers count only from trusted proxies."""

import ipaddress

from websockets.datastructures import Headers

from ws_gateway.domain.client_cert_header import HEADER, certificate_in
from ws_gateway.domain.presented import Presented
from ws_gateway.settings import Network

_HANDED_ON = ("X-Forwarded-For", "X-Forwarded-Proto", HEADER)


class ClientAddresses:
    """Tells the address of a client, whether it came by TLS, and with which certificate."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted

    def address(self, peer: str, headers: Headers) -> str:
        """Return the nearest address that is no trusted proxy."""
        address = peer
        forwarded = ",".join(headers.get_all("X-Forwarded-For")).split(",")
        while self.is_trusted(address):
            nearest = forwarded.pop().strip() if forwarded else ""
            if not _is_address(nearest):
                break
            address = nearest
        return address

    def presented(self, peer: str, headers: Headers, own: Presented) -> Presented:
        """Return how the station came; `own` is how whoever speaks to us came.

        A trusted proxy that hands something on speaks for a station, not for itself: by what its
        headers say, whether it came to our plain or our TLS port.

        Raises:
            BadClientCert: it hands on what is no certificate.
        """
        if not self.is_trusted(peer) or not any(name in headers for name in _HANDED_ON):
            return own
        if headers.get_all("X-Forwarded-Proto")[-1:] not in (["https"], ["wss"]):
            return Presented()
        return Presented(tls=True, certificate=certificate_in(headers.get_all(HEADER)))

    def is_trusted(self, address: str) -> bool:
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

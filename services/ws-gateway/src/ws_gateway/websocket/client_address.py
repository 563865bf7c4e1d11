"""Where and how a station connects; headers count only from trusted proxies."""

from websockets.datastructures import Headers

from csms_shared.values.trusted_proxies import Network, TrustedProxies
from ws_gateway.domain.client_cert_header import HEADER, certificate_in
from ws_gateway.domain.presented import Presented

_HANDED_ON = ("X-Forwarded-For", "X-Forwarded-Proto", HEADER)


class ClientAddresses:
    """Tells the address of a client, whether it came by TLS, and with which certificate."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._proxies = TrustedProxies(trusted)

    def address(self, peer: str, headers: Headers) -> str:
        """Return the nearest address that is no trusted proxy."""
        return self._proxies.client(peer, headers.get_all("X-Forwarded-For"))

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
        return self._proxies.trusts(address)

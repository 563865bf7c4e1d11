"""The ports that stations connect to: taken at the start, listened on when stations can be served.

A port that another process listens on is so an error of the start, and a station that comes too
early is refused by the network at once: it tries again, or a balancer takes another gateway.
"""

import socket

from csms_shared.observability.probes import bound_socket, listen
from ws_gateway.settings import GatewaySettings

_PLAIN, _TLS = "CSMS_GATEWAY_PORT", "CSMS_TLS_PORT"


class Ports:
    """The sockets of one gateway: its own, and those that it inherited, which listen already."""

    def __init__(self, settings: GatewaySettings) -> None:
        """Take the ports.

        Raises:
            PortTaken: one can't be had.
        """
        self._own: list[tuple[socket.socket, str]] = []
        self.plain: list[socket.socket] = []
        self.secured: list[socket.socket] = []
        try:
            if settings.serve_plain:
                self.plain.append(self._take(settings.bind, settings.gateway_port, _PLAIN))
                self.plain += _inherited(settings.ocpp_listen_fd)
            if settings.tls_port is not None:
                self.secured.append(self._take(settings.bind, settings.tls_port, _TLS))
            self.secured += _inherited(settings.tls_listen_fd)
        except BaseException:
            self.close()
            raise

    @property
    def plain_port(self) -> int:
        """Return the first port without TLS, 0 where there is none."""
        return _number(self.plain)

    @property
    def tls_port(self) -> int:
        """Return the first port with TLS, 0 where there is none."""
        return _number(self.secured)

    def listen(self) -> None:
        """Let stations connect.

        Raises:
            PortTaken: another process that had taken a port too was faster.
        """
        for own, setting in self._own:
            listen(own, setting)

    def close(self) -> None:
        """Let go of all of them."""
        for one in (*self.plain, *self.secured):
            one.close()

    def _take(self, host: str, port: int, setting: str) -> socket.socket:
        own = bound_socket(host, port, setting)
        self._own.append((own, setting))
        return own


def _inherited(descriptor: int | None) -> list[socket.socket]:
    if descriptor is None:
        return []
    inherited = socket.socket(fileno=descriptor)
    inherited.setblocking(False)
    return [inherited]


def _number(sockets: list[socket.socket]) -> int:
    return int(sockets[0].getsockname()[1]) if sockets else 0

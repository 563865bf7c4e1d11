"""How one simulated station behaves."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StationSettings:
    """Firmware traits; the configuration keys of OCPP are in `configuration`.

    `time_scale` multiplies every wait that OCPP or the firmware prescribes (heartbeat, boot retry,
    message retry, reconnect), so that minutes become milliseconds in tests. An `automatic` station
    boots, reports its connectors and sends heartbeats by itself; otherwise the script does.

    `ping_interval` (OCPP 1.6 `WebSocketPingInterval`, seconds; None: never) finds half-open
    connections: without a pong for as long again, the connection is given up. `clock_offset` is
    how many seconds the station's own clock runs ahead. `tls` (see `tls_context`) is what a `wss`
    endpoint is judged by; with security profile 3 it holds the station's certificate. `phases` and
    `fuse_a` (amperes of each phase) say what its supply gives.
    """

    connectors: int = 1
    automatic: bool = True
    time_scale: float = 1.0
    call_timeout: float = 40.0
    open_timeout: float = 15.0
    first_reconnect_wait: float = 1.0
    longest_reconnect_wait: float = 30.0
    ping_interval: float | None = None
    clock_offset: float = 0.0
    password: bytes | None = None
    tls: ssl.SSLContext | None = None
    subprotocols: tuple[str, ...] = ("ocpp1.6",)
    retries_reuse_message_id: bool = False
    vendor: str = "Simulated"
    model: str = "Simulator 16"
    phases: int = 1
    fuse_a: float = 63.0


def tls_context(
    trusted: str | Path, certificate: str | Path | None = None, key: str | Path | None = None
) -> ssl.SSLContext:
    """Return what a station of security profile 2 needs, or of 3 where a certificate is given.

    `trusted` is the file of the CAs that the central system's certificate may come from.
    """
    context = ssl.create_default_context(cafile=str(trusted))
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context

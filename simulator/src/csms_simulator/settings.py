"""How one simulated station behaves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StationSettings:
    """Firmware traits; the configuration keys of OCPP are in `configuration`.

    `time_scale` multiplies every wait that OCPP or the firmware prescribes (heartbeat, boot retry,
    message retry, reconnect), so that minutes become milliseconds in tests. An `automatic` station
    boots, reports its connectors and sends heartbeats by itself; otherwise the script does.

    `ping_interval` (OCPP 1.6 `WebSocketPingInterval`, seconds; None: never) finds half-open
    connections: without a pong for as long again, the connection is given up. `clock_offset` is
    how many seconds the station's own clock runs ahead.
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
    subprotocols: tuple[str, ...] = ("ocpp1.6",)
    retries_reuse_message_id: bool = False
    vendor: str = "Simulated"
    model: str = "Simulator 16"

"""One port for all gateways: haproxy with a health check, else one inherited listening socket."""

import os
import resource
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from csms_local.errors import PortTakenError
from csms_local.nodes.ports import LOOPBACK
from csms_local.processes import Program

_MOST_CONNECTIONS = 20_000
_BACKLOG = 1024

_CONFIG = """\
# Written anew at every start.
global
    maxconn {connections}
    nbthread 1
    # A second suite on the same port must fail, not share it.
    noreuseport

defaults
    mode http
    timeout connect 2s
    timeout http-request 10s
    timeout client 60s
    timeout server 60s
    # Stations are silent for as long as they like; the gateways' pings find the dead ones.
    timeout tunnel 24h
    retries 2
    option redispatch 1
    option http-server-close
    http-error status 503 content-type text/plain string "no gateway is ready\\n" hdr Retry-After 5

frontend ocpp
    bind {address}:{port}
    # Replaces what the client sent: gateways trust this header from here.
    http-request del-header X-Forwarded- -m beg
    http-request set-header X-Forwarded-For %[src]
    http-request del-header Forwarded
    http-request del-header Client-Cert
    default_backend gateways

backend gateways
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server check inter 500ms fastinter 250ms fall 2 rise 1
    timeout check 1s
{servers}
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where stations arrive."""

    address: str
    port: int


def find_haproxy() -> str | None:
    """Return the installed haproxy."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")


def haproxy_program(
    haproxy: str, endpoint: Endpoint, gateway_ports: dict[str, int], folder: Path, log: Path
) -> Program:
    """Write the configuration and return the balancer."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    config = folder / "haproxy.cfg"
    config.write_text(
        _CONFIG.format(
            # Two descriptors for each connection, and some for the checks.
            connections=max(100, min(_MOST_CONNECTIONS, (files - 200) // 2)),
            address=address,
            port=endpoint.port,
            servers="\n".join(
                f"    server {name} {LOOPBACK}:{port}" for name, port in gateway_ports.items()
            ),
        )
    )
    return Program(
        name="balancer",
        argv=(haproxy, "-db", "-f", str(config)),
        env={"PATH": os.environ.get("PATH", os.defpath)},
        log=log,
        cwd=folder,
    )


def shared_listening_socket(endpoint: Endpoint, variable: str = "CSMS_OCPP_PORT") -> socket.socket:
    """Listen once for all gateways; each of them accepts from the same queue.

    Raises:
        PortTakenError: the port, which `variable` names, can't be had.
    """
    family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((endpoint.address, endpoint.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise PortTakenError(f"{variable} {endpoint.port} cannot be used: {error}") from None
    return listening

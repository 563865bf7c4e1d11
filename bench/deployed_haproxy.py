"""The haproxy configuration that is deployed (TLS ends there), on loopback with other ports."""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from csms_local.balancer import find_haproxy
from csms_local.nodes.ports import free_port
from csms_local.processes import Program, log_tail, start, stop

# The address from which it speaks to gateways, and which those trust.
TRUSTED = "127.0.0.77"
_DEPLOYED = Path(__file__).resolve().parent.parent / "deploy" / "haproxy"
_TIMEOUT_S = 30.0
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Haproxy:
    """A running one."""

    url: str
    pid: int


@contextmanager
def deployed_haproxy(
    folder: Path, gateway_urls: Sequence[str], connections: int = 200
) -> Iterator[Haproxy]:
    """Run the installed haproxy before one or two gateways.

    `folder` has rsa.pem, ecdsa.pem and their keys, ca.pem and crl.pem.
    """
    haproxy = find_haproxy()
    assert haproxy is not None
    for kind in ("rsa", "ecdsa"):
        if (folder / f"{kind}.pem").exists():
            joined = (folder / f"{kind}.pem").read_bytes() + (folder / f"{kind}.key").read_bytes()
            (folder / f"server.pem.{kind}").write_bytes(joined)
    plain, secured = free_port(), free_port()
    written = folder / "haproxy.cfg"
    written.write_text(_config(folder, gateway_urls, connections, plain, secured))
    program = Program(
        name="haproxy",
        argv=(haproxy, "-db", "-f", str(written)),
        env={"PATH": os.environ.get("PATH", os.defpath)},
        log=folder / "haproxy.log",
        cwd=folder,
    )
    process = start(program)
    try:
        patient_until = time.monotonic() + _TIMEOUT_S
        while not _listens(secured):
            assert process.poll() is None, log_tail(program.log)
            assert time.monotonic() < patient_until, log_tail(program.log)
            time.sleep(_LOOK_EVERY_S)
        yield Haproxy(f"wss://127.0.0.1:{secured}/ocpp", process.pid)
    finally:
        stop([(program, process)], _TIMEOUT_S)


def _config(
    folder: Path, gateway_urls: Sequence[str], connections: int, plain: int, secured: int
) -> str:
    places = [urlsplit(url).netloc for url in gateway_urls]
    second = f"    server gateway-2 {places[1]}\n" if len(places) > 1 else ""
    changes = (
        ("maxconn 9500", f"maxconn {connections}"),
        ("bind :9000", f"bind 127.0.0.1:{plain}"),
        ("bind :9443 ", f"bind 127.0.0.1:{secured} "),
        ("bind 127.0.0.1:8404", f"bind 127.0.0.1:{free_port({plain, secured})}"),
        ("/etc/csms/tls/", f"{folder}/"),
        ("gateway-1:9000", places[0]),
        ("    server gateway-2 gateway-2:9000\n", second),
        ("balance leastconn", f"balance leastconn\n    source {TRUSTED}"),
    )
    config = "".join((_DEPLOYED / name).read_text() for name in ("haproxy.cfg", "tls-ended.cfg"))
    for was, becomes in changes:
        assert was in config, was
        config = config.replace(was, becomes)
    return config


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0

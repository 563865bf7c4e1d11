"""TLS for the cases that measure it: ended by the gateways, or by haproxy before them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.cases import Case
from bench.deployed_haproxy import TRUSTED, deployed_haproxy
from bench.systems import System
from csms_local.balancer import find_haproxy
from csms_local.nodes.ports import free_port
from csms_simulator.certificates import Authority

# Stations with a password that come by TLS (security profile 2).
PROFILE = 2
# Beside the stations': those of a station that comes again while haproxy still holds its last one.
_SPARE_CONNECTIONS = 100


def tls_settings(folder: Path) -> dict[str, str]:
    """Write certificates into the folder; return what opens a suite's TLS port with them.

    RSA: the dearest signature that whoever ends TLS makes.
    """
    authority = Authority("Benchmark")
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "crl.pem").write_bytes(authority.revocation_list())
    authority.server("127.0.0.1", "localhost", kind="rsa").write(folder, "rsa")
    return {
        "CSMS_TLS_PORT": str(free_port()),
        "CSMS_TLS_RSA_CERTIFICATE": str(folder / "rsa.pem"),
        "CSMS_TLS_RSA_KEY": str(folder / "rsa.key"),
        "CSMS_TRUSTED_PROXIES": TRUSTED,
    }


def lacks(case: Case) -> str | None:
    """Return what the case needs and this machine does not have, None where it has all."""
    if case.tls == "haproxy" and find_haproxy() is None:
        return "haproxy is not installed (apt-get install haproxy)"
    return None


@contextmanager
def reached_by(system: System, case: Case, stations: int) -> Iterator[System]:
    """Yield the system as the stations of the case reach it, haproxy among its processes."""
    if not case.tls:
        yield system
        return
    if case.tls == "gateway":
        yield replace(system, gateway_urls=[system.tls_url])
        return
    folder = Path(system.tls_folder)
    with deployed_haproxy(folder, system.gateway_urls, stations + _SPARE_CONNECTIONS) as haproxy:
        yield replace(
            system,
            gateway_urls=[haproxy.url],
            processes={**system.processes, "haproxy": haproxy.pid},
            gateway_names=(*system.gateway_names, "haproxy"),
        )

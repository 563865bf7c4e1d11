"""What `csms-run` is told, from the environment."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from csms_local.errors import StartupError
from csms_local.nodes.ports import LOOPBACK

HELP = """\
CSMS_HOME             state folder (default .csms)
CSMS_BIND             address to listen on (default 127.0.0.1)
CSMS_OCPP_PORT        port for charging stations (default 9000)
CSMS_HTTP_PORT        port for REST and its documentation (default 8080)
CSMS_TLS_PORT         port for stations that come by TLS (default: none); with the certificates
                      in CSMS_TLS_*, see docs/security-profiles.md
CSMS_GATEWAYS         how many gateways (default 2)
CSMS_ADMIN_PASSWORD   password of the first administrator (default: a random one, kept)
CSMS_UNKNOWN_STATIONS reject, pending or accept (default: accept on loopback, else pending)
CSMS_BROKER_URL       RabbitMQ to use instead of a private node; with the next one
CSMS_MIGRATION_DATABASE_URL
                      PostgreSQL to use instead of a private node, as its owner
CSMS_FSYNC            on or off; off makes the database faster and unsafe, for tests (default on)
Every other CSMS_ variable is passed to the services, whose --help describes it.
"""
_MOST_GATEWAYS = 32


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Settings of one suite."""

    home: Path
    bind: str
    ocpp_port: int
    http_port: int
    tls_port: int | None
    gateways: int
    unknown_stations: str
    admin_password: str | None
    fsync: bool
    nodes: tuple[str, str] | None
    programs: Path
    passed_on: Mapping[str, str]

    @property
    def reachable_host(self) -> str:
        """Return what a client on this machine puts into a URL."""
        address = ipaddress.ip_address(self.bind)
        if address.is_unspecified:
            return LOOPBACK if address.version == 4 else "[::1]"
        return f"[{self.bind}]" if address.version == 6 else self.bind


def read_settings(environ: Mapping[str, str], programs: Path) -> RunSettings:
    """Check the environment; every complaint names the variable."""
    bind = environ.get("CSMS_BIND") or LOOPBACK
    try:
        loopback = ipaddress.ip_address(bind).is_loopback
    except ValueError:
        raise StartupError(f"CSMS_BIND is {bind!r}; it must be an IP address") from None
    ocpp_port = _number(environ, "CSMS_OCPP_PORT", 9000, 1, 65535)
    http_port = _number(environ, "CSMS_HTTP_PORT", 8080, 1, 65535)
    if ocpp_port == http_port:
        raise StartupError(f"CSMS_OCPP_PORT and CSMS_HTTP_PORT are both {ocpp_port}")
    tls_port = None
    if environ.get("CSMS_TLS_PORT"):
        tls_port = _number(environ, "CSMS_TLS_PORT", 0, 1, 65535)
        if tls_port in (ocpp_port, http_port):
            raise StartupError(f"CSMS_TLS_PORT is {tls_port}, which another port is already")
    return RunSettings(
        home=Path(environ.get("CSMS_HOME") or ".csms").absolute(),
        bind=bind,
        ocpp_port=ocpp_port,
        http_port=http_port,
        tls_port=tls_port,
        gateways=_number(environ, "CSMS_GATEWAYS", 2, 1, _MOST_GATEWAYS),
        unknown_stations=_choice(
            environ,
            "CSMS_UNKNOWN_STATIONS",
            "accept" if loopback else "pending",
            ("reject", "pending", "accept"),
        ),
        admin_password=environ.get("CSMS_ADMIN_PASSWORD") or None,
        fsync=_choice(environ, "CSMS_FSYNC", "on", ("on", "off")) == "on",
        nodes=_nodes(environ),
        programs=programs,
        passed_on=dict(environ),
    )


def _nodes(environ: Mapping[str, str]) -> tuple[str, str] | None:
    names = ("CSMS_BROKER_URL", "CSMS_MIGRATION_DATABASE_URL")
    broker_url, database_url = (environ.get(name) or None for name in names)
    if broker_url is None and database_url is None:
        return None
    if broker_url is None or database_url is None:
        raise StartupError(f"{names[0]} and {names[1]} go together: set both or neither")
    return broker_url, database_url


def _number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise StartupError(f"{name} is {text!r}; it must be a number from {least} to {most}")
    return int(text)


def _choice(environ: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    text = environ.get(name) or default
    if text not in allowed:
        raise StartupError(f"{name} is {text!r}; it must be one of {', '.join(allowed)}")
    return text

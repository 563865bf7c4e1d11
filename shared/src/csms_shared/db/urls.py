"""PostgreSQL URLs as libpq spells them (PostgreSQL documentation, "Connection URIs").

What asyncpg does not know it would send to the server as settings, which refuses the connection:
so what it is not to be told is found here.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit

_SCHEMES = ("postgresql", "postgres")
_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": _VERSIONS,
    "ssl_max_protocol_version": _VERSIONS,
    "target_session_attrs": (
        "any",
        "read-write",
        "read-only",
        "primary",
        "standby",
        "prefer-standby",
    ),
}
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
_FREE = ("host", "port", "sslpassword", "connect_timeout")
_IN_THE_URL = ("user", "password", "dbname")


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where a database is and who connects; `dsn` is the URL as asyncpg takes it."""

    dsn: str
    user: str | None
    password: str | None
    connect_timeout_s: float | None


def parse_database_url(url: str) -> DatabaseUrl:
    """Read a URL.

    Raises:
        ValueError: something in it is wrong, or not supported; the message has no secret.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError("a URL of PostgreSQL begins with postgresql://")
    given = _parameters(parts.query)
    for name, value in given.items():
        _check(name, value)
    _check_root_certificate(given)
    timeout = given.pop("connect_timeout", None)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    _check_ports(hosts)
    return DatabaseUrl(
        dsn=parts._replace(query=urlencode(given, quote_via=quote)).geturl(),
        user=unquote(user) or None,
        password=unquote(password) or None,
        connect_timeout_s=None if timeout is None else float(timeout),
    )


def _parameters(query: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError("each parameter after the ? is name=value")
        # In libpq a plus is a plus.
        given[unquote(name)] = unquote(value)
    return given


def _check(name: str, value: str) -> None:
    if name in _IN_THE_URL:
        raise ValueError(f"{name} belongs before the ?: postgresql://user:password@host:port/name")
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(_CHOICES[name])}")
    elif name in _FILES:
        if not (Path(value).is_file() and os.access(value, os.R_OK)):
            raise ValueError(f"{name}: there is no file {value} that can be read")
    elif name == "connect_timeout":
        if not (value.isdecimal() and int(value) > 0):
            raise ValueError("connect_timeout must be a whole number of seconds above 0")
    elif name == "port":
        if not all(port.isdecimal() for port in value.split(",")):
            raise ValueError("port must be a number, or several by comma")
    elif name not in _FREE:
        known = sorted((*_CHOICES, *_FILES, *_FREE))
        raise ValueError(f"{name} is not supported; known are {', '.join(known)}")


def _check_root_certificate(given: Mapping[str, str]) -> None:
    own = Path("~/.postgresql/root.crt").expanduser()
    if (
        given.get("sslmode", "").startswith("verify-")
        and not (given.get("sslrootcert") or os.environ.get("PGSSLROOTCERT"))
        and not own.is_file()
    ):
        raise ValueError(f"sslmode={given['sslmode']} needs sslrootcert, the CA's certificate")


def _check_ports(hosts: str) -> None:
    for one in hosts.split(","):
        _, colon, port = one.rpartition("]")[2].rpartition(":")
        if colon and port and not port.isdecimal():
            raise ValueError("after the colon of a host comes its port, a number")

"""The certificates of the TLS port, read from files again whenever those change."""

import asyncio
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog

from csms_shared.runtime.clock import utc_now
from csms_shared.runtime.settings import SettingsProblem
from ws_gateway import metrics
from ws_gateway.settings import GatewaySettings
from ws_gateway.websocket.tls_expiry import CertificateExpiry

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0
# The four of A00.FR.317, and what gives RSA certificates forward secrecy. TLS 1.3 has its own.
CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
    )
)

Stamp = tuple[tuple[int, int, int] | None, ...]


class BadTlsFile(SettingsProblem):
    """A file can't be used; the message names the variable and the file."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificates are: pairs of certificate chain and key, and what judges clients.

    `names` are the variables' names, by file, for complaints.
    """

    pairs: tuple[tuple[Path, Path], ...]
    client_ca: Path | None
    crl: Path | None
    names: dict[Path, str]

    @property
    def all(self) -> tuple[Path, ...]:
        """Return every file that is read."""
        more = (path for path in (self.client_ca, self.crl) if path is not None)
        return (*(path for pair in self.pairs for path in pair), *more)

    def stamp(self) -> Stamp:
        """Return what changes whenever a file is replaced or written to."""
        return tuple(_stamp(path) for path in self.all)

    def expiry(self) -> CertificateExpiry:
        """Return a watch over their ends."""
        certificates = [path for path, _ in self.pairs]
        if self.client_ca is not None:
            certificates.append(self.client_ca)
        return CertificateExpiry(
            [(self.names[path], path) for path in certificates],
            None if self.crl is None else (self.names[self.crl], self.crl),
        )

    def load(self) -> ssl.SSLContext:
        """Return a context made of the files as they are now.

        Raises:
            BadTlsFile: one of them can't be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        # Nothing is resumed: each connection proves again that its certificate still counts.
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        context.num_tickets = 0
        for certificate, key in self.pairs:
            try:
                context.load_cert_chain(certificate, key, password=_no_password)
            except (OSError, ValueError) as error:
                raise self._problem(certificate, error, key) from None
        if self.client_ca is not None:
            self._trust(context, self.client_ca)
            # Optional: profile 2 shares the port, and which station needs one is not known yet.
            context.verify_mode = ssl.CERT_OPTIONAL
        if self.crl is not None:
            self._trust(context, self.crl)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        return context

    def _trust(self, context: ssl.SSLContext, path: Path) -> None:
        before = context.cert_store_stats()
        try:
            context.load_verify_locations(path)
        except (OSError, ValueError) as error:
            raise self._problem(path, error) from None
        kind = "crl" if path == self.crl else "x509_ca"
        if context.cert_store_stats()[kind] == before[kind]:
            what = "revocation list" if kind == "crl" else "CA certificate"
            raise self._problem(path, ValueError(f"it holds no {what}"))

    def _problem(self, path: Path, error: Exception, key: Path | None = None) -> BadTlsFile:
        if isinstance(error, ssl.SSLError):
            cause = error.reason or "not PEM"
        else:
            cause = (isinstance(error, OSError) and error.strerror) or str(error)
        shown = f"{path}" if key is None else f"{path} with {key}"
        return BadTlsFile(f"{self.names[path]}: {shown} can't be used: {cause}")


class TlsContexts:
    """The context that new connections get; those that are open keep theirs."""

    def __init__(self, files: TlsFiles) -> None:
        """Read the files.

        Raises:
            BadTlsFile: one of them can't be used.
        """
        self._files = files
        self._stamp = files.stamp()
        self.current = files.load()
        self.expiry = files.expiry()
        self.expiry.read()
        self.expiry.warn(utc_now())
        self.problem: str | None = None

    async def run(self) -> None:
        """Look at the files until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.look)
            self.expiry.warn(utc_now())

    def look(self) -> None:
        """Read the files again where they changed; broken ones change nothing but `problem`.

        They may be replaced one by one, so a broken set is looked at again each time.
        """
        stamp = self._files.stamp()
        if stamp == self._stamp and self.problem is None:
            return
        try:
            self.current = self._files.load()
        except BadTlsFile as error:
            if str(error) != self.problem or stamp != self._stamp:
                log.error("tls_files_broken", problem=str(error), kept="the files read before")
            self.problem = str(error)
        else:
            log.info("tls_files_read", files=[str(path) for path in self._files.all])
            self.expiry.read()
            self.problem = None
        self._stamp = stamp
        metrics.TLS_FILES_BROKEN.set(self.problem is not None)


def tls_files(settings: GatewaySettings) -> TlsFiles | None:
    """Return the files of the TLS port, None where there is no such port.

    Raises:
        BadTlsFile: the settings contradict each other.
    """
    names: dict[Path, str] = {}

    def path(variable: str, text: str) -> Path:
        names[Path(text)] = variable
        return Path(text)

    pairs = []
    for kind in ("rsa", "ecdsa"):
        certificate = getattr(settings, f"tls_{kind}_certificate")
        key = getattr(settings, f"tls_{kind}_key")
        variable = f"CSMS_TLS_{kind.upper()}_CERTIFICATE"
        if bool(certificate) != bool(key):
            raise BadTlsFile(f"{variable} and CSMS_TLS_{kind.upper()}_KEY go together")
        if certificate:
            pairs.append((path(variable, certificate), path(variable, key)))
    if settings.tls_port is None and settings.tls_listen_fd is None:
        if not settings.serve_plain:
            raise BadTlsFile("CSMS_SERVE_PLAIN: without CSMS_TLS_PORT no port would be left")
        return None
    if not pairs:
        raise BadTlsFile("CSMS_TLS_PORT: needs CSMS_TLS_RSA_CERTIFICATE or the ECDSA one")
    if settings.tls_crl and not settings.tls_client_ca:
        raise BadTlsFile("CSMS_TLS_CRL: needs CSMS_TLS_CLIENT_CA")
    return TlsFiles(
        tuple(pairs),
        path("CSMS_TLS_CLIENT_CA", settings.tls_client_ca) if settings.tls_client_ca else None,
        path("CSMS_TLS_CRL", settings.tls_crl) if settings.tls_crl else None,
        names,
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _no_password() -> str:
    # Otherwise OpenSSL asks on the terminal.
    raise ValueError("the key must not be encrypted")

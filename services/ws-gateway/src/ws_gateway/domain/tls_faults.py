"""Why a TLS handshake failed: a reason that is counted, in words an installer understands."""

import ssl
from dataclasses import dataclass

from csms_shared.contracts.ownership import CLIENT_CERTIFICATE_REFUSED

# The station says so in an alert: it does not trust our certificate.
_DISTRUST = frozenset(
    {
        "TLSV1_ALERT_UNKNOWN_CA",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    }
)
_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "TLSV1_ALERT_PROTOCOL_VERSION"})
# The reason where nobody is left who could be told.
CLIENT_GONE = "client_gone"
_CIPHERS = frozenset({"NO_SHARED_CIPHER", "NO_SHARED_SIGNATURE_ALGORITHMS"})


@dataclass(frozen=True, slots=True)
class TlsFault:
    """The reason, which is a metric's label, and the words."""

    reason: str
    detail: str

    @property
    def is_security_event(self) -> bool:
        """Tell whether an operator should hear of it: not of port scans and lost lines."""
        return self.reason not in {"handshake_timeout", CLIENT_GONE, "tls_handshake_failed"}


def fault_of(error: Exception) -> TlsFault:
    """Say what went wrong."""
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = f"the client certificate does not count: {error.verify_message}"
        return TlsFault(CLIENT_CERTIFICATE_REFUSED, detail)
    if isinstance(error, ssl.SSLError):
        return _of_reason(error.reason or "")
    if isinstance(error, TimeoutError):
        return TlsFault("handshake_timeout", "no TLS handshake in time")
    return TlsFault(CLIENT_GONE, "gone during the TLS handshake")


def _of_reason(reason: str) -> TlsFault:
    if reason == "HTTP_REQUEST":
        return TlsFault("plain_on_tls_port", "a connection without TLS came to the TLS port")
    if reason in _OLD:
        return TlsFault("tls_version", "the station offers no TLS version from 1.2 on")
    if reason in _CIPHERS:
        return TlsFault("tls_cipher", "the station offers none of the cipher suites that count")
    if reason in _DISTRUST:
        detail = f"the station does not trust the central system's certificate: {reason}"
        return TlsFault("server_certificate_refused", detail)
    return TlsFault("tls_handshake_failed", f"the TLS handshake failed: {reason or 'unknown'}")

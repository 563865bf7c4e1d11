"""Why a station was refused, in words for whoever stands in front of it (docs/refused-stations.md).

The names are the gateway's; one that is not here is explained by its `detail` alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened, and what to look at, the likeliest first."""

    title: str
    check: tuple[str, ...]


_OURS = (
    "Nothing is wrong with the station: it comes back by itself.",
    "If it goes on for minutes, look at GET /status and at the logs of the services.",
)
_ADDRESS_FORMAT = "The station's central system URL is ws://HOST:PORT/ocpp (wss:// with TLS)."

EXPLANATIONS: dict[str, Explanation] = {
    "unknown_station": Explanation(
        "No station of this id has been created",
        (
            "Compare the id letter by letter with the one in the station's menu: upper and lower "
            "case differ, and so do O and 0.",
            "Create the station with POST /stations, or set CSMS_UNKNOWN_STATIONS to pending or "
            "accept so that new ones are taken in.",
            "Stations append their id to the URL by themselves: it must not be in the URL twice.",
        ),
    ),
    "too_many_unknown_stations": Explanation(
        "So many stations nobody created were taken in that no more are",
        (
            "Look through GET /stations for ids that do not belong to you and delete them.",
            "Create the station with POST /stations, or raise CSMS_MAX_UNKNOWN_STATIONS.",
        ),
    ),
    "tenant_suspended": Explanation(
        "The tenant that the station belongs to is suspended",
        (
            "The platform's administrator suspended it, and lets its stations in again: nothing "
            "has to be changed at the station.",
        ),
    ),
    "bad_credentials": Explanation(
        "The password is missing or wrong",
        (
            "Set the same password on both sides: PUT /stations/{id}/password here, "
            "AuthorizationKey at the station. It takes effect at the station's next connection.",
            "The user name of HTTP Basic is the station's id, letter by letter.",
            "Some stations want the password as hexadecimal digits: both forms are accepted here, "
            "of at least 16 characters as the station counts them.",
        ),
    ),
    "wrong_security_profile": Explanation(
        "The station connected with another security profile than it must",
        (
            "Profile 0 is any, 1 is ws:// with password, 2 is wss:// with "
            "password, 3 is wss:// with a client certificate.",
            "Compare security_profile of GET /stations/{id} with SecurityProfile at the station.",
            "Behind a proxy that ends TLS, the gateway must trust it: CSMS_TRUSTED_PROXIES.",
        ),
    ),
    "bad_certificate": Explanation(
        "The client certificate is not this station's, or no longer counts",
        (
            "What is wrong with it is in detail.",
            "Its common name (CN) must be the station's id or registered_serial_number of "
            "GET /stations/{id}, its organization (O) CSMS_OPERATOR_NAME, letter by letter.",
            "Give the station a new certificate: ExtendedTriggerMessage with "
            "SignChargePointCertificate. Until it has one, it gets in only with a lower profile: "
            "PATCH /stations/{id} with security_profile.",
        ),
    ),
    "client_certificate_refused": Explanation(
        "The client certificate was refused in the TLS handshake",
        (
            "What is wrong with it is in detail; which station it was is not known yet then: look "
            "at remote_address.",
            "Its issuer must be in CSMS_TLS_CLIENT_CA, with every authority above it.",
            "With CSMS_TLS_CRL, a revocation list of each authority must be there and not have "
            "run out.",
        ),
    ),
    "bad_client_cert_header": Explanation(
        "The proxy in front handed on what is no certificate",
        ("Set the header Client-Cert at the proxy as docs/security-profiles.md shows.",),
    ),
    "bad_proxy_header": Explanation(
        "The balancer in front did not say who connects",
        (
            "With CSMS_TLS_PROXY_PROTOCOL, what is in CSMS_TRUSTED_PROXIES must begin each "
            "connection to the TLS port with a PROXY protocol header of version 2 "
            "(haproxy: send-proxy-v2).",
            "A station whose own address is among them can't connect directly.",
        ),
    ),
    "server_certificate_refused": Explanation(
        "The station does not trust the central system's certificate",
        (
            "Install the root certificate of the gateway's certificate at the station: "
            "InstallCertificate with CentralSystemRootCertificate.",
            "The certificate must name the host that is in the station's URL, and must not have "
            "run out: look at CSMS_TLS_RSA_CERTIFICATE and CSMS_TLS_ECDSA_CERTIFICATE.",
            "Check the station's clock: with a wrong one no certificate is valid.",
        ),
    ),
    "tls_version": Explanation(
        "The station offers no TLS version from 1.2 on",
        ("Update the station's firmware: older versions of TLS are not safe.",),
    ),
    "tls_cipher": Explanation(
        "The station offers none of the cipher suites that count",
        (
            "Give the gateway both an RSA and an ECDSA certificate: some stations know one kind.",
            "Update the station's firmware.",
        ),
    ),
    "tls_handshake_failed": Explanation(
        "The TLS handshake failed",
        (
            "What was wrong is in detail.",
            "A port scan or a load balancer's check of the port does this too.",
        ),
    ),
    "plain_on_tls_port": Explanation(
        "A connection without TLS came to the TLS port",
        ("Use wss:// in the station's central system URL, or the port without TLS.",),
    ),
    "tls_on_plain_port": Explanation(
        "A connection with TLS came to the port without TLS",
        ("Use ws:// in the station's central system URL, or the TLS port (CSMS_TLS_PORT).",),
    ),
    "missing_subprotocol": Explanation(
        "The station is set to strict and named no OCPP version",
        (
            "Look for an OCPP version in the station's menu and choose 1.6J (JSON, WebSocket).",
            "Or forgive it: PATCH /stations/{id} with strict false.",
        ),
    ),
    "unsupported_subprotocol": Explanation(
        "The station speaks no version of OCPP that is spoken here",
        (
            "Choose OCPP 1.6J (JSON, WebSocket) in the station's menu; not SOAP, not 2.0.1.",
            "The versions that the station offered are in detail.",
        ),
    ),
    "wrong_path": Explanation(
        "The URL does not lead to stations' place",
        (_ADDRESS_FORMAT, "A proxy in front must pass the path on unchanged."),
    ),
    "empty_station_id": Explanation(
        "The URL ends before the station's id",
        (
            _ADDRESS_FORMAT,
            "Set the station's id (also: charge point identity, ChargeBoxId) in its menu.",
        ),
    ),
    "station_id_too_long": Explanation(
        "The station's id is longer than 255 bytes",
        ("Look for a whole URL where the station's menu asks for its id.",),
    ),
    "station_id_of_dots": Explanation(
        "The station's id is `.` or `..`",
        ("Give the station an id of letters, digits, - and _: no address can name this one.",),
    ),
    "station_id_not_utf8": Explanation(
        "The station's id is not readable text",
        ("Give the station an id of letters, digits, - and _.",),
    ),
    "control_character_in_station_id": Explanation(
        "The station's id holds a character that cannot be seen",
        (
            "Type the id anew in the station's menu, without blanks or line ends; copying often "
            "brings them along.",
        ),
    ),
    "no_upgrade": Explanation(
        "Somebody asked for a web page, not for a connection",
        (
            "A browser or a monitoring check does this; stations use OCPP over WebSocket.",
            "Choose JSON (not SOAP) at the station.",
            "A proxy in front must pass on the headers Upgrade and Connection.",
        ),
    ),
    "bad_request": Explanation(
        "The request is not a correct WebSocket handshake",
        (
            "What is wrong is in detail.",
            "Update the station's firmware, or look at what stands between it and here.",
        ),
    ),
    "not_http": Explanation(
        "What arrived was not HTTP, which was answered with 400, or the connection ended before it "
        "asked for anything",
        ("A load balancer's check of the port, or a port scan, does this.",),
    ),
    "request_too_long": Explanation(
        "The request was longer than any station's",
        ("Look at who connects: this is no station, or a proxy adds large headers.",),
    ),
    "handshake_timeout": Explanation(
        "Somebody connected and asked for nothing for 10 s",
        ("The network may lose packets: look at the signal of the station's modem.",),
    ),
    "handshake_displaced": Explanation(
        "Too many connections asked for nothing; the oldest were ended",
        (
            "Look at remote_address: somebody may hold connections open on purpose.",
            "Honest stations come back by themselves.",
        ),
    ),
    "failed_logins": Explanation(
        "Password, profile or certificate were wrong so often that the station has to wait",
        (
            "Set the password on both sides, as for bad_credentials; the right one is let in at "
            "once, a changed one within ten seconds. So is the right security profile or "
            "certificate.",
            "On a test bench that is wrong on purpose: raise CSMS_FAILED_LOGINS_AT_ONCE.",
            "If no station of yours is at this address, somebody guesses passwords.",
        ),
    ),
    "unknown_ids": Explanation(
        "This address asked for too many ids that no station has",
        (
            "If no station of yours is at this address, somebody makes ids up.",
            "Create the stations that are installed there; the others of the address get in "
            "again within seconds.",
            "If all stations seem to come from one address, name the proxy in front in "
            "CSMS_TRUSTED_PROXIES.",
            "Where so many are to be tried out: raise CSMS_UNKNOWN_IDS_AT_ONCE.",
        ),
    ),
    "flapping": Explanation(
        "The station connects again and again, more often than it may",
        (
            "Two stations with the same id throw each other out: look at the addresses.",
            "A station whose clock or firmware is broken closes the connection by itself: "
            "GET /stations/{id}/messages shows its last frames.",
            "Look at the signal of its modem.",
            "On a test bench: PATCH /stations/{id} with exempt_from_limits true, or raise "
            "CSMS_CONNECTIONS_AT_ONCE for all.",
        ),
    ),
    "superseded": Explanation("A newer connection of the station was there already", _OURS),
    "draining": Explanation("This gateway was about to stop", _OURS),
    "gateway_ended": Explanation("This gateway stopped", _OURS),
    "full": Explanation(
        "This gateway holds as many stations as it can",
        ("Run more gateways (docs/capacity.md).", *_OURS[:1]),
    ),
    "unavailable": Explanation("A part of the central system did not answer", _OURS),
    "registry_unanswered": Explanation("The station registry did not answer in time", _OURS),
    "unknown_outcome": Explanation(
        "The station registry refused it for a reason that this gateway is too old to know",
        ("Bring all services to the same version; what is wrong is in detail.", *_OURS[:1]),
    ),
    "too_many_at_once": Explanation("Too many stations connected at the same time", _OURS),
}
_UNKNOWN = Explanation("The connection was refused", ("What is wrong is in detail.",))


def explanation(reason: str) -> Explanation:
    """Return what to tell of a reason."""
    return EXPLANATIONS.get(reason, _UNKNOWN)

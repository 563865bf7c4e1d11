"""What the gateway counts; labels come from literal tables, never from a station.

Whoever makes a counter's labels himself, once and at the start, is not repeated in `_begin_at_0`.
"""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from csms_shared.broker.topology import call_key
from csms_shared.contracts.commands import CommandOutcome
from csms_shared.contracts.ownership import CLIENT_CERTIFICATE_REFUSED, ClaimOutcome
from csms_shared.ocpp.action_row import CallKind
from csms_shared.ocpp.actions import VERSIONS, command_actions, is_known, station_calls
from ws_gateway.domain.deviations import Deviation

CONNECTIONS = Gauge("csms_gateway_connections", "Open station connections.", ["version"])
CAPACITY = Gauge(
    "csms_gateway_connection_capacity",
    "Station connections that the limit of open files leaves room for.",
)
CONNECTS = Counter("csms_gateway_connects_total", "Handshakes, by how they ended.", ["result"])
REFUSALS = Counter("csms_gateway_refusals_total", "Refused handshakes, by reason.", ["reason"])
ADMISSIONS = Counter(
    "csms_gateway_admissions_total",
    "Upgrades and boots by how they got their turn: now, waits (first), refused.",
    ["kind", "turn"],
)
ADMISSION_WAITING = Gauge(
    "csms_gateway_admission_waiting", "Upgrades and boots that wait for their turn.", ["kind"]
)
HANDSHAKES = Gauge(
    "csms_gateway_handshakes",
    "Sockets before the upgrade: silent (no request yet), asking (not answered yet); of those with "
    "TLS tls_waiting (their handshake waits for its turn), tls (it is under way).",
    ["step"],
)
TLS_CERTIFICATE_END = Gauge(
    "csms_gateway_tls_certificate_end_timestamp_seconds",
    "When what the TLS port's files hold ends, in seconds since 1970, by setting.",
    ["setting"],
)
TLS_FILES_BROKEN = Gauge(
    "csms_gateway_tls_files_broken",
    "1 while changed TLS files can't be used and the ones read before go on counting.",
)
UNREAD = Counter(
    "csms_gateway_unread_total",
    "Sockets aborted because the station does not read or never ends a message, by the bound: "
    "bytes and time of one, bytes of all.",
    ["bound"],
)
HELD_BYTES = Gauge(
    "csms_gateway_held_bytes",
    "What is held of messages that are not complete, and of answers that stations do not read.",
)
CLOSES = Counter("csms_gateway_closes_total", "Ended connections, by close code.", ["code"])
TOLERATED = Counter(
    "csms_gateway_tolerated_total", "Deviations of stations that were forgiven.", ["deviation"]
)
MESSAGES = Counter("csms_ocpp_messages_total", "OCPP messages.", ["direction", "action", "result"])
CALL_DURATION = Histogram(
    "csms_ocpp_call_duration_seconds",
    "From a station's call to our answer.",
    ["action"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
DROPPED = Counter(
    "csms_gateway_dropped_total",
    "Items that could not be published in time, by kind; calls end with their socket.",
    ["kind"],
)
UNRECORDED = Counter(
    "csms_gateway_unrecorded_frames_total",
    "Frames missing in the recording, by the reason: full (the gateway's buffer), unsent.",
    ["reason"],
)
BACKLOG_ITEMS = Gauge(
    "csms_gateway_backlog_items", "Items of all lanes that the broker has not confirmed."
)
BACKLOG_BYTES = Gauge("csms_gateway_backlog_bytes", "Their size.")
SERVICE_AWAY = Gauge("csms_gateway_service_away", "1 while a service does not answer.", ["service"])
LANE_BATCH = Histogram(
    "csms_gateway_batch_items",
    "Items of one published message.",
    ["lane"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)

# Close codes that are counted by themselves; others may be invented by whoever connects.
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011, 1012, 1013})

# Why a handshake is refused, besides what a claim is answered.
REFUSAL_REASONS = (
    "bad_client_cert_header",
    "bad_proxy_header",
    "bad_request",
    "client_gone",
    "control_character_in_station_id",
    "draining",
    "empty_station_id",
    "failed_logins",
    "flapping",
    "full",
    "gateway_ended",
    "handshake_displaced",
    "handshake_timeout",
    "no_upgrade",
    "not_http",
    "plain_on_tls_port",
    "registry_unanswered",
    "unknown_outcome",
    "request_too_long",
    "server_certificate_refused",
    "station_id_not_utf8",
    "station_id_of_dots",
    "station_id_too_long",
    "superseded",
    "tls_cipher",
    "tls_handshake_failed",
    "tls_on_plain_port",
    "tls_version",
    "too_many_at_once",
    "unknown_ids",
    "unavailable",
    "unsupported_subprotocol",
    "wrong_path",
)


def action_label(version: str, action: str | None) -> str:
    """Return the action if the version knows it, so that no sender can add labels."""
    return action if action is not None and is_known(version, action) else "unknown"


def close_label(code: int | None) -> str:
    """Return the label of a close code."""
    return str(code) if code in _CLOSE_CODES else "other"


@cache
def messages(direction: str, action: str, result: str) -> Counter:
    """Return the counter of one kind of message; finding it by its labels is the slow part."""
    return MESSAGES.labels(direction, action, result)


@cache
def call_duration(action: str) -> Histogram:
    """Return the histogram of one action."""
    return CALL_DURATION.labels(action)


def _begin_at_0() -> None:
    for outcome in ("accepted", "refused"):
        CONNECTS.labels(outcome)
    claims = (outcome.value for outcome in ClaimOutcome if outcome is not ClaimOutcome.ACCEPTED)
    for reason in (*REFUSAL_REASONS, CLIENT_CERTIFICATE_REFUSED, *claims):
        REFUSALS.labels(reason)
    for code in (*_CLOSE_CODES, None):
        CLOSES.labels(close_label(code))
    for deviation in Deviation:
        TOLERATED.labels(deviation.value)
    for bound in ("bytes", "time", "all"):
        UNREAD.labels(bound)
    for kind in ("releases", "liveness", "refusals", "command-reports", "system-notices"):
        DROPPED.labels(kind)
    for result in ("refused", "unusable", "stray_answer"):
        messages("in", "unknown", result)
    for version in VERSIONS:
        CONNECTIONS.labels(version)
        for action, call in station_calls(version).items():
            call_duration(action)
            for result in ("answered", "refused", "no_room"):
                messages("in", action, result)
            for kind in call.kinds:
                if kind is not CallKind.HEARTBEAT:
                    LANE_BATCH.labels(call_key(version, action, kind))
                    DROPPED.labels(call_key(version, action, kind))
        for name in command_actions(version):
            for outcome in CommandOutcome:
                messages("out", name, outcome.value)


_begin_at_0()

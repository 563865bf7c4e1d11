"""What the gateway counts; labels come from literal tables, never from a station."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from csms_shared.ocpp.actions import is_known

CONNECTIONS = Gauge("csms_gateway_connections", "Open station connections.", ["version"])
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
    "Sockets without a session: silent (no request yet), asking (not answered yet).",
    ["step"],
)
TLS_CERTIFICATE_END = Gauge(
    "csms_gateway_tls_certificate_end_seconds",
    "When what the TLS port's files hold ends, in seconds since 1970, by setting.",
    ["setting"],
)
TLS_FILES_BROKEN = Gauge(
    "csms_gateway_tls_files_broken",
    "1 while changed TLS files can't be used and the ones read before go on counting.",
)
UNREAD = Counter(
    "csms_gateway_unread_total",
    "Sockets aborted because the station does not read, by the bound: bytes, time.",
    ["bound"],
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
BACKLOG = Gauge(
    "csms_gateway_backlog",
    "What all lanes hold that the broker has not confirmed: items, bytes.",
    ["unit"],
)
SERVICE_AWAY = Gauge("csms_gateway_service_away", "1 while a service does not answer.", ["service"])
LANE_BATCH = Histogram(
    "csms_gateway_batch_items",
    "Items of one published message.",
    ["lane"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)

# Close codes that are counted by themselves; others may be invented by whoever connects.
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011, 1012, 1013})


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

"""Names of the contracts, carried in the AMQP property `type` of each message."""

from enum import StrEnum


class MessageType(StrEnum):
    """One name per contract; the major version is its suffix."""

    CALLS = "calls.v1"
    CALL_REPLIES = "call-replies.v1"
    CLAIMS = "claims.v1"
    CLAIM_REPLIES = "claim-replies.v1"
    RELEASES = "releases.v1"
    LIVENESS = "liveness.v1"
    LEASE = "lease.v1"
    LEASE_REPLY = "lease-reply.v1"
    REASSERTIONS = "reassertions.v1"
    REASSERTION_REPLY = "reassertion-reply.v1"
    PROBE = "probe.v1"
    PROBE_REPLY = "probe-reply.v1"
    CONTROLS = "controls.v1"
    COMMANDS = "commands.v1"
    COMMAND_REPORTS = "command-reports.v1"
    COMMAND_ORDERS = "command-orders.v1"
    REQUEST = "request.v1"
    RESPONSE = "response.v1"
    EVENTS = "events.v1"
    REFUSALS = "refusals.v1"
    RECORDINGS = "recordings.v1"
    SYSTEM_NOTICES = "system-notices.v1"
    REPORTS_BARRIER = "reports-barrier.v1"
    REPORTS_BARRIER_REPLY = "reports-barrier-reply.v1"
    ACCOUNTS_CHANGED = "accounts-changed.v1"
    STORED_EVENTS = "stored-events.v1"

"""What the work queues carry, as literal tables: how it is read, where it goes, what answers it."""

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.message_types import MessageType
from csms_shared.ocpp import v16
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.probes import answering_probes
from csms_shared.service.routes import CallRoute, MessageRoute, Routes
from session_service.batches.decisions import Decide
from session_service.batches.events import add_connectors_of, follow_events
from session_service.batches.reports import take_reports
from session_service.ocpp.v16.tokens import read_authorize, write_authorize
from session_service.ocpp.v16.transactions import (
    read_meter_values,
    read_start,
    read_stop_call,
    write_start,
)
from session_service.places.handlers import keep_places

_PROBES: MessageRoute[None] = MessageRoute(answering_probes(SESSION_SERVICE))


def decision_routes(decide: Decide) -> Routes[None]:
    """Return the routes of the decisions queue; `decide` is that of one batch (`Decisions`)."""
    return {
        (OCPP16, v16.AUTHORIZE): CallRoute(read_authorize, decide, write_authorize),
        (OCPP16, v16.START_TRANSACTION): CallRoute(read_start, decide, write_start),
        MessageType.PROBE: _PROBES,
    }


def report_routes() -> Routes[None]:
    """Return the routes of the reports queue; nobody waits for an answer.

    Connectors come first, whose locks come before those of transactions, and ends of commands
    last, so that their handlers take their locks after all others.
    """
    return {
        (OCPP16, v16.STOP_TRANSACTION): CallRoute(read_stop_call, take_reports),
        (OCPP16, v16.METER_VALUES): CallRoute(read_meter_values, take_reports),
        MessageType.EVENTS: MessageRoute(follow_events, first=add_connectors_of),
        MessageType.PROBE: _PROBES,
    }


def place_routes() -> Routes[None]:
    """Return the routes of the queue of where stations stand."""
    return {MessageType.EVENTS: MessageRoute(keep_places), MessageType.PROBE: _PROBES}

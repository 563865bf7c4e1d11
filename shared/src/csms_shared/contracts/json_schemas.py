"""Writes the JSON Schema of every message contract into the folder that is its argument."""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from csms_shared.contracts.accounts import AccountsChanged
from csms_shared.contracts.barriers import ReportsBarrier, ReportsBarrierReply
from csms_shared.contracts.billing import BILLING_OPERATIONS
from csms_shared.contracts.calls import CallBatch, CallReplyBatch
from csms_shared.contracts.commands import CommandBatch, CommandReportBatch
from csms_shared.contracts.control import ControlBatch
from csms_shared.contracts.event_data.table import EVENTS
from csms_shared.contracts.event_store import INTEGRATION_OPERATIONS, StoredEventBatch
from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrderBatch
from csms_shared.contracts.ownership import (
    ClaimBatch,
    ClaimReplyBatch,
    LeaseBatch,
    LeaseReply,
    LivenessBatch,
    ProbeBatch,
    ProbeReply,
    ReassertionBatch,
    ReassertionReply,
    RefusalBatch,
    ReleaseBatch,
)
from csms_shared.contracts.recordings import RecordingBatch
from csms_shared.contracts.requests import RequestBatch, ResponseMessage
from csms_shared.contracts.sessions import SESSION_OPERATIONS
from csms_shared.contracts.stations import STATION_OPERATIONS
from csms_shared.contracts.system_notices import SystemNoticeBatch

MESSAGES: dict[MessageType, type[BaseModel]] = {
    MessageType.CALLS: CallBatch,
    MessageType.CALL_REPLIES: CallReplyBatch,
    MessageType.CLAIMS: ClaimBatch,
    MessageType.CLAIM_REPLIES: ClaimReplyBatch,
    MessageType.RELEASES: ReleaseBatch,
    MessageType.LIVENESS: LivenessBatch,
    MessageType.LEASE: LeaseBatch,
    MessageType.LEASE_REPLY: LeaseReply,
    MessageType.REASSERTIONS: ReassertionBatch,
    MessageType.REASSERTION_REPLY: ReassertionReply,
    MessageType.PROBE: ProbeBatch,
    MessageType.PROBE_REPLY: ProbeReply,
    MessageType.CONTROLS: ControlBatch,
    MessageType.COMMANDS: CommandBatch,
    MessageType.COMMAND_REPORTS: CommandReportBatch,
    MessageType.COMMAND_ORDERS: CommandOrderBatch,
    MessageType.REQUEST: RequestBatch,
    MessageType.RESPONSE: ResponseMessage,
    MessageType.EVENTS: CloudEvent,
    MessageType.REFUSALS: RefusalBatch,
    MessageType.RECORDINGS: RecordingBatch,
    MessageType.SYSTEM_NOTICES: SystemNoticeBatch,
    MessageType.REPORTS_BARRIER: ReportsBarrier,
    MessageType.REPORTS_BARRIER_REPLY: ReportsBarrierReply,
    MessageType.ACCOUNTS_CHANGED: AccountsChanged,
    MessageType.STORED_EVENTS: StoredEventBatch,
}


def schemas() -> dict[str, str]:
    """Return file name -> text: a file for each contract, event and request operation."""
    models: dict[str, type[BaseModel]] = {str(name): model for name, model in MESSAGES.items()}
    models |= {f"events/{key}": row.data for key, row in EVENTS.items()}
    for service, operations in (
        ("station-registry", STATION_OPERATIONS),
        ("session-service", SESSION_OPERATIONS),
        ("integration-service", INTEGRATION_OPERATIONS),
        ("billing-service", BILLING_OPERATIONS),
    ):
        for operation, model in operations.items():
            models[f"requests/{service}.{operation}"] = model
    return {
        f"{name}.json": json.dumps(model.model_json_schema(), indent=1, sort_keys=True) + "\n"
        for name, model in models.items()
    }


def write(folder: Path) -> None:
    """Write all schemas below `folder`."""
    for name, text in schemas().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))

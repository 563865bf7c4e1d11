"""What stations and command-api say of jobs, as works of the reports queue."""

from typing import Any
from uuid import UUID

from driven_registry import Registry

from csms_shared.contracts.command_ids import new_command_id
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time_ms

STATION = "S1"
OUTCOMES: dict[str, dict[str, Any]] = {
    "accepted": {"status": "completed", "accepted": True},
    "refused": {"status": "error", "accepted": None, "error": {"code": "NotSupported"}},
    "unknown": {"status": "outcome_unknown", "accepted": None},
    "expired": {"status": "expired", "accepted": None, "sent_at": None},
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "UpdateFirmware": {"location": "ftp://f.example/1", "retrieveDate": "2026-01-01T00:00:00Z"},
    "SignedUpdateFirmware": {"firmware": {"location": "https://f.example/1"}, "requestId": 7},
    "ChangeConfiguration": {"key": "HeartbeatInterval", "value": "60"},
    "GetConfiguration": {},
    "Reset": {"type": "Soft"},
}


def ended(job_id: UUID, action: str, outcome: str, sent_ms: int, station_id: str = STATION) -> Work:
    data = {
        "command_id": str(job_id),
        "station_id": station_id,
        "action": action,
        "payload": PAYLOADS[action],
        "response": {},
        "created_by": "admin",
        "created_at": format_time_ms(sent_ms - 1_000),
        "sent_at": format_time_ms(sent_ms),
        "completed_at": format_time_ms(sent_ms + 1_000),
        "deadline": format_time_ms(sent_ms + 60_000),
        **OUTCOMES[outcome],
    }
    event = {
        "id": f"{job_id}/{outcome}",
        "source": "/csms/command-api",
        "type": "csms.command.completed.v1",
        "subject": station_id,
        "time": data["completed_at"],
        "data": data,
    }
    return Work("events.v1", {}, [event])


def report(
    registry: Registry,
    status: str,
    seq: int,
    received_ms: int,
    *,
    epoch: int = 1,
    request_id: int | None = None,
    action: str = "FirmwareStatusNotification",
) -> Work:
    named = {} if request_id is None else {"requestId": request_id}
    return registry.call(
        action,
        STATION,
        {"status": status, **named},
        connection_id=f"c{epoch}",
        epoch=epoch,
        seq=seq,
        received_ms=received_ms,
    )


async def create(registry: Registry, action: str = "UpdateFirmware") -> UUID:
    job_id = new_command_id(now_ms())
    await registry.request(
        "jobs.create",
        job_id=job_id,
        station_id=STATION,
        action=action,
        payload=PAYLOADS[action],
        deadline_ms=now_ms() + 60_000,
        timeout_s=3600,
        created_by="admin",
    )
    return job_id

"""Commands between their rows and `CommandRecord`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from command_api.commands.domain.remote_starts import AwaitedStart
from command_api.commands.domain.secret_values import shown_payload
from command_api.commands.domain.states import CommandRecord, CommandStatus
from csms_shared.values.times import format_time_ms

COLUMNS = (
    "command_id, station_id, action, ocpp_version, payload, status, created_by, created_at, "
    "deadline, held, attempts, attempt_deadline, lookup_again, refusal, accepted, response, error, "
    "sent_at, completed_at, transaction_id, wanted_token, wanted_connector, rotation_proofs, "
    "intent, unchecked, tenant_id"
)


def at(ms: int | None) -> datetime | None:
    """Return milliseconds since the epoch as the database takes them."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def ms_of(moment: datetime) -> int:
    """Return what the database gives in milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else ms_of(moment)


def record_of(row: Row[Any]) -> CommandRecord:
    """Return the command in a row of `COLUMNS`."""
    return CommandRecord(
        command_id=row.command_id,
        station_id=row.station_id,
        action=row.action,
        ocpp_version=row.ocpp_version,
        payload=row.payload,
        status=CommandStatus(row.status),
        created_by=row.created_by,
        created_ms=ms_of(row.created_at),
        deadline_ms=ms_of(row.deadline),
        held=row.held,
        attempts=row.attempts,
        attempt_deadline_ms=_ms(row.attempt_deadline),
        lookup_again=row.lookup_again,
        refusal=row.refusal,
        accepted=row.accepted,
        response=row.response,
        error=row.error,
        sent_ms=_ms(row.sent_at),
        completed_ms=_ms(row.completed_at),
        transaction_id=row.transaction_id,
        awaited_start=None
        if row.wanted_token is None
        else AwaitedStart(row.wanted_token, row.wanted_connector),
        rotation_proofs=None if row.rotation_proofs is None else tuple(row.rotation_proofs),
        intent=row.intent,
        unchecked=row.unchecked,
        tenant_id=row.tenant_id,
    )


def command_view(command: CommandRecord) -> dict[str, Any]:
    """Return the command as REST and events show it."""
    return {
        "command_id": str(command.command_id),
        "tenant_id": command.tenant_id,
        "station_id": command.station_id,
        "ocpp_version": command.ocpp_version,
        "action": command.action,
        "payload": shown_payload(command.ocpp_version, command.action, command.payload),
        "status": command.status.value,
        "accepted": command.accepted,
        "response": command.response,
        "error": command.error,
        "created_by": command.created_by,
        "created_at": format_time_ms(command.created_ms),
        "sent_at": None if command.sent_ms is None else format_time_ms(command.sent_ms),
        "completed_at": None
        if command.completed_ms is None
        else format_time_ms(command.completed_ms),
        "deadline": format_time_ms(command.deadline_ms),
        "transaction_id": command.transaction_id,
    }

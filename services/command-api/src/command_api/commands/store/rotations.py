"""Passwords that stations have been given and the registry has yet to learn of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.store.rows import ms_of

# A late answer to a command of unknown outcome can come no later than its gateway remembers it.
_LATE_ANSWER_HOURS = 24


@dataclass(frozen=True, slots=True)
class DueRotation:
    """A finished command whose password must be made known."""

    command_id: UUID
    tenant_id: str
    station_id: str
    status: str
    response: dict[str, Any] | None
    ended_ms: int
    proofs: tuple[str, ...]


async def due_rotations(
    connection: AsyncConnection, put_off: Sequence[UUID], limit: int
) -> list[DueRotation]:
    """Return rotations to apply but for those `put_off`, in the order their stations got them."""
    result = await connection.execute(
        text(
            "SELECT command_id, tenant_id, station_id, status, response, completed_at, "
            "rotation_proofs FROM commands WHERE rotation_proofs IS NOT NULL "
            "AND status NOT IN ('waiting', 'pending', 'sent') "
            "AND rotation_applied IS DISTINCT FROM status "
            "AND command_id <> ALL(:put_off) "
            "ORDER BY sent_at, completed_at, command_id LIMIT :limit"
        ),
        {"limit": limit, "put_off": list(put_off)},
    )
    return [
        DueRotation(
            row.command_id,
            row.tenant_id,
            row.station_id,
            row.status,
            row.response,
            ms_of(row.completed_at),
            tuple(row.rotation_proofs),
        )
        for row in result
    ]


async def mark_applied(connection: AsyncConnection, rotation: DueRotation) -> None:
    """Note that the registry has it; the proofs go once no answer can change the outcome."""
    await connection.execute(
        text(
            "UPDATE commands SET rotation_applied = :status, rotation_proofs = "
            "CASE WHEN :status = 'outcome_unknown' THEN rotation_proofs END "
            "WHERE command_id = :id AND status = :status"
        ),
        {"id": rotation.command_id, "status": rotation.status},
    )


async def forget_old_proofs(connection: AsyncConnection) -> None:
    """Drop proofs kept for a late answer that did not come."""
    await connection.execute(
        text(
            "UPDATE commands SET rotation_proofs = NULL WHERE rotation_proofs IS NOT NULL "
            "AND rotation_applied = status "
            "AND completed_at < now() - make_interval(hours => :hours)"
        ),
        {"hours": _LATE_ANSWER_HOURS},
    )

"""What is deleted when it is of no more use."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.audit.store import purge_entries
from command_api.commands.store.rotations import forget_old_proofs
from command_api.system.store import purge_backups
from csms_shared.db.bulk_actions import purge_bulk_actions
from csms_shared.db.purging import delete_slice
from csms_shared.db.upkeep import UpkeepTask, purge_outbox

_DAY = "now() - interval '24 hours'"


def _purge(due: str, **parameters: int) -> Callable[[AsyncConnection], Awaitable[bool]]:
    return lambda connection: delete_slice(connection, due.split()[0], due, **parameters)


def purges(*, command_days: int, audit_days: int) -> tuple[UpkeepTask, ...]:
    """Return the service's periodic deletions, with the days that records are kept."""

    async def purge_commands(connection: AsyncConnection) -> bool:
        # The oldest have the least ids; none is open for longer than it may be held.
        return await delete_slice(
            connection,
            "commands",
            "(SELECT ctid, completed_at FROM commands ORDER BY command_id LIMIT :slice) AS oldest "
            "WHERE completed_at < now() - make_interval(days => :days)",
            days=command_days,
        )

    return (
        purge_outbox(),
        purge_bulk_actions(),
        UpkeepTask(
            "purge_idempotency_keys",
            60.0,
            _purge(
                f"idempotency_keys WHERE created_at < {_DAY} ORDER BY created_at LIMIT :slice",
            ),
        ),
        UpkeepTask(
            "purge_transaction_starts",
            600.0,
            _purge(f"transaction_starts WHERE seen_at < {_DAY} ORDER BY seen_at LIMIT :slice"),
        ),
        UpkeepTask(
            "purge_upload_tokens",
            600.0,
            _purge(f"upload_tokens WHERE expires_at < {_DAY} ORDER BY expires_at LIMIT :slice"),
        ),
        UpkeepTask("forget_old_proofs", 600.0, forget_old_proofs),
        UpkeepTask("purge_commands", 600.0, purge_commands),
        UpkeepTask(
            "purge_command_groups",
            600.0,
            _purge(
                "command_group WHERE completed_at < now() - make_interval(days => :days) "
                "ORDER BY command_group_id LIMIT :slice",
                days=command_days,
            ),
        ),
        UpkeepTask(
            "purge_user_sessions",
            600.0,
            _purge("user_session WHERE expires_at < now() ORDER BY expires_at LIMIT :slice"),
        ),
        UpkeepTask("purge_audit", 600.0, lambda connection: purge_entries(connection, audit_days)),
        UpkeepTask("purge_backups", 600.0, purge_backups),
    )

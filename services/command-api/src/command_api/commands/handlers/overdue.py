"""The sweeper: finishes commands that nobody will finish any more, and sends nothing."""

from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.states import ANSWER_TIMEOUT_MS, GRACE_MS, ended, overdue_status
from command_api.commands.store.changes import lock_overdue, write_changes
from command_api.commands.store.transaction_starts import link_starts
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.runtime.clock import now_ms

EVERY_S = 1.0
_LIMIT = 1_000


def finish_overdue() -> UpkeepTask:
    """Return the task; whoever waits for a command learns of its end by the event."""

    async def work(connection: AsyncConnection) -> None:
        overdue = await lock_overdue(connection, _LIMIT, (ANSWER_TIMEOUT_MS + GRACE_MS) / 1000)
        if not overdue:
            return
        now = now_ms()
        changed = [ended(command, overdue_status(command), now) for command in overdue]
        await write_changes(connection, changed)
        await link_starts(
            connection,
            sorted(
                {command.station_id for command in changed if command.awaited_start is not None}
            ),
        )

    return UpkeepTask("finish_overdue_commands", EVERY_S, work)

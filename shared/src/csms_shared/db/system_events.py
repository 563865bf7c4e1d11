"""System events: what a process has noticed, written to its outbox as soon as that can be."""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.contracts.system_notices import SystemNotice
from csms_shared.db.engine import in_transaction
from csms_shared.db.outbox import write_events
from csms_shared.observability.system_notices import SystemNotices
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available

log = structlog.get_logger(__name__)

WRITTEN_EVERY_S = 1.0


class SystemEvents:
    """Writes notices in rounds; those of a round that failed are written as they were."""

    def __init__(
        self,
        engine: AsyncEngine,
        outbox: Table,
        notices: SystemNotices,
        source: str,
        wake: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._notices = notices
        self._source = source
        self._wake = wake
        self._unwritten: list[SystemNotice] = []

    async def run(self) -> None:
        """Write until cancelled."""
        retrying = until_available(Unavailable)
        while True:
            try:
                await retrying(self.write)
            except Exception:
                # Whatever is wrong with it, nothing else of the process ends for it.
                log.exception("system_events_failed", lost=len(self._unwritten))
                self._unwritten = []
            await asyncio.sleep(WRITTEN_EVERY_S)

    async def write(self, *, everything: bool = False) -> None:
        """Write what is due, or `everything` that waits.

        Raises:
            Unavailable: the database is away; the next call writes the same.
        """
        if everything or not self._unwritten:
            self._unwritten += self._notices.take(everything=everything)
        if not self._unwritten:
            return
        events = [notice.event(self._source) for notice in self._unwritten]

        async def work(connection: AsyncConnection) -> None:
            await write_events(connection, self._outbox, events)

        await in_transaction(self._engine, work)
        self._unwritten = []
        self._wake()

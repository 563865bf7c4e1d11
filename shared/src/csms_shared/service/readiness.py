"""What a service with a schema lacks to be ready, by name."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Consumer
from csms_shared.broker.link import Link
from csms_shared.broker.work_queues import WorkQueueProbe
from csms_shared.db.engine import why_away
from csms_shared.db.migrate import missing_migrations
from csms_shared.runtime.errors import Unavailable


class Readiness:
    """Judges one process; set `draining` when it begins to stop."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        schema: str,
        migrations: Path,
        link: Link,
        queues: WorkQueueProbe,
        consumers: Sequence[Consumer],
    ) -> None:
        self._engine = engine
        self._schema = schema
        self._migrations = migrations
        self._link = link
        self._queues = queues
        self._consumers = consumers
        self._migrated = False
        self.draining = False

    async def missing(self) -> dict[str, str]:
        """Return what is missing, empty when the process is ready."""
        lacking: dict[str, str] = {}
        if self.draining:
            lacking["draining"] = "the process is stopping"
        away = await why_away(self._engine)
        if away is not None:
            lacking["database"] = away
        elif not self._migrated:
            lacking |= await self._missing_migrations()
        if not self._link.is_open():
            lacking["broker"] = "not connected"
        lacking |= self._queues.missing()
        idle = sum(not consumer.consuming for consumer in self._consumers)
        if idle:
            lacking["consumers"] = f"{idle} of {len(self._consumers)} do not consume"
        return lacking

    async def _missing_migrations(self) -> dict[str, str]:
        try:
            problem = await missing_migrations(self._engine, self._schema, self._migrations)
        except Unavailable as error:
            return {"database": str(error)}
        self._migrated = problem is None
        return {} if problem is None else {"migrations": problem}

"""What an instance answers when it is asked for itself."""

import importlib.metadata
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.contracts.about import ABOUT, About, AskAbout, UpkeepTurn
from csms_shared.db.engine import RequestHandler, transactional
from csms_shared.runtime.clock import now_ms
from csms_shared.values.times import format_time, format_time_ms

_TURNS = text("SELECT task, began_at FROM upkeep_turn ORDER BY task")


class Pausing(Protocol):
    """What is told of a consumer."""

    @property
    def paused_queue(self) -> str | None:
        """Return the queue that it does not take messages from now, because of its own trouble."""
        ...


class AboutInstance:
    """Tells of one instance of a service, which begins with this."""

    def __init__(
        self,
        service: str,
        instance: str,
        warnings: Callable[[], Mapping[str, str]],
        consumers: Iterable[Pausing],
    ) -> None:
        self._version = importlib.metadata.version(f"csms-{service}")
        self._instance = instance
        self._since_ms = now_ms()
        self._warnings = warnings
        # Looked at anew each time: those that are added later count, too.
        self._consumers = consumers

    def operations(self, of_all: AsyncEngine) -> dict[str, RequestHandler]:
        """Return the handler of the request; turns belong to no tenant."""
        return {ABOUT: transactional(of_all, self.tell)}

    async def tell(self, connection: AsyncConnection, _: AskAbout) -> About:
        """Return what there is to tell now."""
        about = self.without_upkeep()
        turns = await connection.execute(_TURNS)
        about.upkeep = [
            UpkeepTurn(task=row.task, began_at=format_time(row.began_at)) for row in turns
        ]
        return about

    def without_upkeep(self) -> About:
        """Return what there is to tell without the database."""
        paused = {one.paused_queue for one in self._consumers}
        return About(
            instance=self._instance,
            version=self._version,
            since=format_time_ms(self._since_ms),
            warnings=dict(self._warnings()),
            paused=sorted(queue for queue in paused if queue is not None),
            upkeep=[],
        )

"""The pools of one instance's database connections, each for work that waits for no other."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.database import SCHEMA
from csms_shared.broker.topology import COMMAND_API
from csms_shared.db.engine import create_engine
from csms_shared.db.tenancy import create_requests_engine


@dataclass(frozen=True, slots=True)
class Engines:
    """`rest` for requests, `work` for messages, each of the others for one task or two.

    `rest` sees the rows of the tenant that a request acts for, and no other's; the others see all.
    """

    rest: AsyncEngine
    # Who asks, log-ins, and new commands: in one batch are those of many tenants.
    entry: AsyncEngine
    work: AsyncEngine
    outbox: AsyncEngine
    # Operators wait for the ends of overdue commands; the deletions of `upkeep` may take long.
    sweep: AsyncEngine
    upkeep: AsyncEngine

    async def dispose(self) -> None:
        """Close what is open."""
        engines = (self.rest, self.entry, self.work, self.outbox, self.sweep, self.upkeep)
        for engine in engines:
            await engine.dispose()


def create_engines(url: str) -> Engines:
    """Return the pools; nothing is connected yet."""

    def pool(purpose: str, size: int) -> AsyncEngine:
        return create_engine(url, SCHEMA, name=f"{COMMAND_API} {purpose}", pool_size=size)

    return Engines(
        rest=create_requests_engine(url, SCHEMA, name=f"{COMMAND_API} rest", pool_size=8),
        entry=pool("entry", 6),
        work=pool("work", 8),
        outbox=pool("outbox", 3),
        sweep=pool("sweep", 1),
        upkeep=pool("upkeep", 3),
    )

"""What goes on beside a scenario, until it ends."""

import asyncio
from types import TracebackType
from typing import Self


class Beside:
    """Works on `async with`, until the block is left; what it failed with is raised then."""

    _working: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._begin()
        self._working = asyncio.create_task(self._work(), name=type(self).__name__)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._working is not None
        self._working.cancel()
        (end,) = await asyncio.gather(self._working, return_exceptions=True)
        if isinstance(end, Exception) and error is None:
            raise end

    async def _begin(self) -> None:
        """Do what has to be done before the block is entered."""

    async def _work(self) -> None:
        """Go on until cancelled."""
        raise NotImplementedError

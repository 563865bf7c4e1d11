"""How everything here tries again: growing pauses with jitter, so that nobody comes in step."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

P = ParamSpec("P")
T = TypeVar("T")


class UntilAvailable:
    """Calls again while it fails with one of `errors`; other errors pass through.

    What succeeds at once, as nearly everything does, costs no more than the call itself.
    """

    __slots__ = ("_errors", "_longest_s", "_on_failure", "_stopping")

    def __init__(
        self,
        errors: tuple[type[BaseException], ...],
        longest_s: float,
        on_failure: Callable[[BaseException], Awaitable[None]] | None,
        stopping: Callable[[], bool],
    ) -> None:
        self._errors = errors
        self._longest_s = longest_s
        self._on_failure = on_failure
        self._stopping = stopping

    async def __call__(
        self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `function` returns once it does not fail."""
        try:
            return await function(*args, **kwargs)
        except self._errors as error:
            first = [error]

        async def attempt() -> T:
            if first:
                raise first.pop()
            return await function(*args, **kwargs)

        return await self._retrying()(attempt)

    def _retrying(self) -> AsyncRetrying:
        async def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            if self._on_failure is not None and error is not None:
                await self._on_failure(error)

        return AsyncRetrying(
            retry=retry_if_exception_type(self._errors),
            stop=lambda _: self._stopping(),
            wait=wait_random_exponential(
                multiplier=2 * SHORTEST_PAUSE_S, min=SHORTEST_PAUSE_S, max=self._longest_s
            ),
            before_sleep=tell,
            reraise=True,
        )


def until_available(
    *errors: type[BaseException],
    longest_s: float = LONGEST_PAUSE_S,
    on_failure: Callable[[BaseException], Awaitable[None]] | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> UntilAvailable:
    """Return what calls again while it fails with one of `errors`.

    Pauses are of 0.1-0.2 s at first, then random up to a bound that doubles to `longest_s`;
    `on_failure` is told before each. Once `stopping()`, the last error is raised.
    """
    return UntilAvailable(errors, longest_s, on_failure, stopping)

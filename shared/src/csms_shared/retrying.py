"""How everything here tries again: growing pauses with jitter, so that nobody comes in step."""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


def until_available(
    *errors: type[BaseException],
    longest_s: float = LONGEST_PAUSE_S,
    on_failure: Callable[[BaseException], Awaitable[None]] | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> AsyncRetrying:
    """Return what calls again while it fails with one of `errors`; other errors pass through.

    Pauses are of 0.1-0.2 s at first, then random up to a bound that doubles to `longest_s`;
    `on_failure` is told before each. Once `stopping()`, the last error is raised. The returned
    object holds the state of one call at a time.
    """

    async def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if on_failure is not None and error is not None:
            await on_failure(error)

    return AsyncRetrying(
        retry=retry_if_exception_type(errors),
        stop=lambda _: stopping(),
        wait=wait_random_exponential(
            multiplier=2 * SHORTEST_PAUSE_S, min=SHORTEST_PAUSE_S, max=longest_s
        ),
        before_sleep=tell,
        reraise=True,
    )

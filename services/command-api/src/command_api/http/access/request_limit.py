"""How many requests are under way at once: the rest are told to come back."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from command_api.http.answers.problems import BUSY, away

MAX_REQUESTS = 2_000


class RequestLimit:
    """Answers 503 with Retry-After while `limit` requests are under way, open streams included."""

    def __init__(
        self,
        app: ASGIApp,
        limit_reached: Callable[[str, str], None],
        limit: int = MAX_REQUESTS,
    ) -> None:
        self._app = app
        self._limit_reached = limit_reached
        self._limit = limit
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, if there is room for it."""
        if self._under_way >= self._limit:
            BUSY.labels("requests").inc()
            self._limit_reached("requests", "A request was refused: too many are under way.")
            await away("too many requests are under way")(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1

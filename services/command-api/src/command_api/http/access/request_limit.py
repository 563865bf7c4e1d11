"""How many requests are in hand at once: the rest are told to come back."""

from starlette.types import ASGIApp, Receive, Scope, Send

from command_api.http.answers.problems import BUSY, away

MAX_REQUESTS = 2_000


class RequestLimit:
    """Answers 503 with Retry-After while `limit` requests are in hand, open streams among them."""

    def __init__(self, app: ASGIApp, limit: int = MAX_REQUESTS) -> None:
        self._app = app
        self._limit = limit
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, if there is room for it."""
        if self._in_hand >= self._limit:
            BUSY.labels("requests").inc()
            await away("too many requests are in hand")(scope, receive, send)
            return
        self._in_hand += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_hand -= 1

"""Which request: an id that comes in with it or is made for it, and goes out with its answer."""

import re
from uuid import uuid4

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
_NAME = HEADER.lower().encode()
_GOOD = re.compile(rb"[\x21-\x7e]{1,128}")


class RequestIds:
    """Middleware: an id of 1 to 128 visible ASCII characters is kept, any other is replaced."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the id in the request's state and in the answer's head."""
        given = next((value for name, value in scope["headers"] if name == _NAME), b"")
        request_id = given if _GOOD.fullmatch(given) else uuid4().hex.encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()

        async def identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                head = [*message.get("headers", ()), (_NAME, request_id)]
                message = {**message, "headers": head}
            await send(message)

        await self._app(scope, receive, identified)


def request_id(request: Request) -> str:
    """Return the request's id."""
    found: str = request.state.request_id
    return found

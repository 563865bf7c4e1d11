"""No request has a body beyond 1 MiB: the longest legitimate one is a local list."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from command_api.http.answers.problems import ProblemResponse

BODY_MAX_BYTES = 1024 * 1024
UPLOADS_PREFIX = "/uploads/"
_DISCARD_MAX_BYTES = 8 * 1024 * 1024


class BodyLimit:
    """Middleware that refuses long bodies, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, counting."""
        # Uploads count for themselves, against a limit of their own.
        if scope["type"] != "http" or scope["path"].startswith(UPLOADS_PREFIX):
            await self._app(scope, receive, send)
            return
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > BODY_MAX_BYTES:
                await _too_large(scope, receive, send)
                return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_MAX_BYTES:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    # Read before it is refused: a client that is still writing would see a broken connection
    # in place of the answer.
    received = 0
    while received < _DISCARD_MAX_BYTES:
        message = await receive()
        received += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    response = ProblemResponse(413, "too_large", "the body is too large")
    await response(scope, receive, send)

"""What a client may take of the REST server before it has asked for anything.

uvicorn bounds neither the time nor the size of a request's head, and counts connections that
never ask among those that do.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from command_api.http.answers.problems import ProblemResponse
from command_api.http.requests.body_limit import UPLOADS_PREFIX

# For one request, its body included, except that of an upload, which may not pause for so long;
# also for the first byte of a new connection.
REQUEST_S = 30.0
MAX_HEAD_BYTES = 64 * 1024
# Beyond this many, a new connection takes the place of the one that would be given up next. It
# is below where uvicorn refuses everybody.
MAX_CONNECTIONS = 3_000
# What a line has beside its name and its value.
_LINE_BYTES = len(": \r\n")
_REFUSALS = {
    400: ("bad_request", "this is no HTTP request"),
    431: ("head_too_long", f"the head has more than {MAX_HEAD_BYTES} bytes"),
}


class BoundedProtocol(HttpToolsProtocol):
    """One connection; it must send each request in time, and no endless head."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._due: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._is_head_too_long = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection in, in the place of another one if need be."""
        super().connection_made(transport)
        self._expect_request()
        if len(self.connections) > MAX_CONNECTIONS:
            self._displace()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._request_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        if self._due is None and not self._is_answering:
            self._expect_request()
        super().data_received(data)
        if self._is_uploading:
            self._request_came()
            self._expect_request()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(431)

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Take the head, which is whole, if it is not too long.

        Raises:
            ValueError: it is; the parser gives up, and `send_400_response` is called.
        """
        self._in_head = False
        fields = sum(len(name) + len(value) + _LINE_BYTES for name, value in self.headers)
        self._is_head_too_long = len(self.url) + fields > MAX_HEAD_BYTES
        if self._is_head_too_long:
            raise ValueError("the head is too long")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._request_came()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, and close."""
        self._refuse(431 if self._is_head_too_long else 400)

    def _refuse(self, status: int) -> None:
        if self._is_answering:
            # Nothing may come between the parts of an answer.
            self.transport.abort()
            return
        code, detail = _REFUSALS[status]
        problem = ProblemResponse(status, code, detail, headers={"Connection": "close"})
        head = b"".join(b"%s: %s\r\n" % header for header in problem.raw_headers)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + bytes(problem.body))
        self.transport.close()

    @property
    def _is_answering(self) -> bool:
        # uvicorn declares it as always there.
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    @property
    def _is_uploading(self) -> bool:
        """Whether a file comes in that its route still wants: it may take long, but not pause.

        Only a valid token gets so far; all others have had their answer.
        """
        cycle: RequestResponseCycle | None = self.cycle
        return (
            not self._in_head
            and cycle is not None
            and cycle.more_body
            and not cycle.response_complete
            and cycle.scope["path"].startswith(UPLOADS_PREFIX)
        )

    def _expect_request(self) -> None:
        self._due = self.loop.call_later(REQUEST_S, self._give_up)

    def _request_came(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        self._due = None
        self.transport.abort()

    def _displace(self) -> None:
        waiting = [
            (timer.when(), other)
            for other in self.connections
            if isinstance(other, BoundedProtocol) and other is not self
            if (timer := other._due or other.timeout_keep_alive_task) is not None
        ]
        if waiting:
            min(waiting, key=lambda one: one[0])[1]._give_up()

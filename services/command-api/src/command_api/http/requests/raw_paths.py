"""Routing on the path as it was sent, each parameter decoded once.

Servers decode the path before routing, so that `ESC%2F1` would be two segments. Here routes match
the raw path, and the convertor `segment` decodes what it matched.
"""

from urllib.parse import quote, unquote, unquote_to_bytes

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

from command_api.http.answers.problems import ProblemResponse
from command_api.http.requests import nul_characters


class SegmentConvertor(Convertor[str]):
    """One segment of a raw path."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """Decode the segment."""
        return unquote(value)

    def to_string(self, value: str) -> str:
        """Encode the segment, slashes too."""
        return quote(value, safe="")


class UsernameConvertor(SegmentConvertor):
    """The name of a user; `me`, which is whoever asks, has routes of its own."""

    regex = "(?!me(?:/|$))[^/]+"


def register_segments() -> None:
    """Make `{name:segment}` and `{name:username}` known before the first route is read."""
    register_url_convertor("segment", SegmentConvertor())
    register_url_convertor("username", UsernameConvertor())


class RawPaths:
    """Middleware that makes the raw path the path; it passes on nothing that holds NUL."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the raw path; one that is no text names nothing."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw: bytes = scope["raw_path"]
        path = raw.decode("ascii", "replace")
        if "%" in path and not _is_text(path):
            response = ProblemResponse(404, "not_found", "the path is not valid UTF-8 text")
            await response(scope, receive, send)
            return
        if fields := nul_characters.fields_of_query(scope["query_string"]):
            errors = [{"field": field, "message": "holds NUL"} for field in fields]
            response = ProblemResponse(422, "validation_failed", "no text may hold NUL", errors)
            await response(scope, receive, send)
            return
        await self._app({**scope, "path": path}, receive, send)


def _is_text(path: str) -> bool:
    decoded = unquote_to_bytes(path)
    try:
        decoded.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in decoded

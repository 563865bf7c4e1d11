"""What is used of uvicorn and FastAPI that is not public (docs/private-apis.md)."""

import inspect
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.params import Body
from fastapi.routing import APIRoute
from pydantic import BaseModel
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

HOOKS = ("on_message_begin", "on_headers_complete", "on_message_complete", "send_400_response")


class _Sent(BaseModel):
    name: str


def _someone() -> str:
    return "someone"


def test_uvicorns_protocol_has_what_the_bounds_are_built_on() -> None:
    for name in (*HOOKS, "connection_made", "connection_lost", "data_received"):
        assert callable(getattr(HttpToolsProtocol, name))
    source = inspect.getsource(HttpToolsProtocol)
    for name in ("cycle", "connections", "headers", "url", "loop", "timeout_keep_alive_task"):
        assert f"self.{name}" in source
    # The parser gives up where a hook raises, and this is what answers.
    assert "self.send_400_response(" in inspect.getsource(HttpToolsProtocol.data_received)
    cycle = inspect.getsource(RequestResponseCycle)
    for name in ("response_complete", "more_body", "scope"):
        assert f"self.{name}" in cycle
    assert STATUS_LINE[431].startswith(b"HTTP/1.1 431 ")


def test_a_route_shows_its_body_and_what_it_depends_on() -> None:
    app = FastAPI()

    @app.post("/sent")
    def send(sent: _Sent, who: Annotated[str, Depends(_someone)]) -> None:
        """Take it."""

    route = next(one for one in app.routes if isinstance(one, APIRoute) and one.path == "/sent")
    assert route.body_field is not None
    assert isinstance(route.body_field.field_info, Body)
    assert route.body_field.field_info.media_type == "application/json"
    assert [one.call for one in route.dependant.dependencies] == [_someone]

"""Routes with a body: of the media type that is documented, JSON in UTF-8, and without NUL."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Body
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from command_api.http.requests import nul_characters
from csms_shared.contracts.refusals import refuse

JSON = "application/json"


class JsonRequest(Request):
    """A request whose JSON is that of RFC 8259: in UTF-8, and no NaN."""

    async def json(self) -> Any:
        """Return the body, read.

        Raises:
            JSONDecodeError: it is no JSON.
        """
        return orjson.loads(await self.body())


class BodyRoute(APIRoute):
    """Refuses a body that can't be read, in one way whatever is wrong with it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler with the reading of the body before it."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler
        assert isinstance(self.body_field.field_info, Body)
        media_type = self.body_field.field_info.media_type

        async def reading(request: Request) -> Response:
            request = JsonRequest(request.scope, request.receive)
            body = await read_body(request, media_type)
            if media_type == JSON and (fields := nul_characters.fields_of_json(body)):
                problems = ((field, "holds NUL") for field in fields)
                raise refuse(422, "validation_failed", "no text may hold NUL", *problems)
            try:
                return await handler(request)
            except HTTPException as error:
                # The framework's own answer to a body that it can't read.
                if error.status_code != 400:
                    raise
                problem = {"type": "unreadable", "loc": ("body",), "msg": "can't be read"}
                raise RequestValidationError([problem]) from error

        return reading


async def read_body(request: Request, media_type: str) -> bytes:
    """Return the body, which must be what it says; one that says nothing is of `media_type`.

    Raises:
        ProblemRaised: 415, it says to be something else.
        HTTPException: 408, whoever sent it has gone before its end.
    """
    try:
        body = await request.body()
    except ClientDisconnect as gone:
        raise HTTPException(408) from gone
    given = request.headers.get("content-type", media_type).partition(";")[0].strip().lower()
    if body and given != media_type and not (media_type == JSON and _is_json(given)):
        raise refuse(
            415,
            "unsupported_media_type",
            f"the body must be {media_type}",
            ("Content-Type", f"must be {media_type}"),
        )
    return body


def _is_json(media_type: str) -> bool:
    return media_type.startswith("application/") and media_type.endswith("+json")

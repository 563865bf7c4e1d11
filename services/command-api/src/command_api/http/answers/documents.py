"""JSON answers."""

from typing import Any

import orjson
from starlette.responses import Response

# For the documentation of a route that says where the thing is that it made.
LOCATED = {
    "headers": {
        "Location": {"required": True, "schema": {"type": "string", "format": "uri-reference"}}
    }
}


class Json(Response):
    """A JSON document made by orjson."""

    media_type = "application/json"

    def __init__(self, document: Any, status: int = 200, headers: dict[str, str] | None = None):
        super().__init__(orjson.dumps(document), status, headers)


def no_content() -> Response:
    """Return the answer of a deletion."""
    return Response(status_code=204)

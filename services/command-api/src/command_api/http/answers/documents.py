"""JSON answers, and the parameters that all lists share."""

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Path, Query
from starlette.responses import Response

from csms_shared.contracts.pages import PAGE_DEFAULT, PAGE_MAX
from csms_shared.values.numbers import WholeText
from csms_shared.values.times import format_time

Limit = Annotated[int, WholeText(1, PAGE_MAX), Query(description="how many items at most")]
# For documentation: whoever made the cursor tells whether it is one.
CURSOR_RULE: dict[str, Any] = {"pattern": "^[A-Za-z0-9_-]+$"}
Cursor = Annotated[
    str | None,
    Query(
        description="`next_cursor` of the page before",
        json_schema_extra=CURSOR_RULE,
    ),
]
DEFAULT_LIMIT = PAGE_DEFAULT
# For the documentation of a route that says where the thing is that it made.
LOCATED = {
    "headers": {
        "Location": {"required": True, "schema": {"type": "string", "format": "uri-reference"}}
    }
}
StationId = Annotated[str, Path(min_length=1, max_length=255, description="any text, encoded")]


class Json(Response):
    """A JSON document made by orjson."""

    media_type = "application/json"

    def __init__(self, document: Any, status: int = 200, headers: dict[str, str] | None = None):
        super().__init__(orjson.dumps(document), status, headers)


def no_content() -> Response:
    """Return the answer of a deletion."""
    return Response(status_code=204)


def given(**filters: Any) -> dict[str, Any]:
    """Return the filters that were given."""
    return {name: value for name, value in filters.items() if value is not None}


def utc_text(moment: datetime | None) -> str | None:
    """Return the time with Z."""
    return None if moment is None else format_time(moment)

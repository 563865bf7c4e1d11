"""JSON answers, and the parameters that all lists share."""

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Path, Query
from starlette.responses import Response

from csms_shared.contracts.pages import PAGE_DEFAULT, PAGE_MAX
from csms_shared.ocpp.times import format_time

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="how many items at most")]
Cursor = Annotated[
    str | None, Query(max_length=2_000, description="`next_cursor` of the page before")
]
DEFAULT_LIMIT = PAGE_DEFAULT
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

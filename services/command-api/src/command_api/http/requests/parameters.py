"""Parameters that many routes share, and what is asked of a service where they are given."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query

from csms_shared.contracts.pages import PAGE_DEFAULT, PAGE_MAX
from csms_shared.values.numbers import WholeText
from csms_shared.values.times import format_time

Limit = Annotated[int, WholeText(1, PAGE_MAX), Query(description="how many items at most")]
DEFAULT_LIMIT = PAGE_DEFAULT
# For documentation: whoever made the cursor tells whether it is one.
CURSOR_RULE: dict[str, Any] = {"pattern": "^[A-Za-z0-9_-]+$"}
Cursor = Annotated[
    str | None,
    Query(
        description="`next_cursor` of the page before",
        json_schema_extra=CURSOR_RULE,
    ),
]
StationId = Annotated[str, Path(min_length=1, max_length=255, description="any text, encoded")]


def given(**filters: Any) -> dict[str, Any]:
    """Return the filters that were given."""
    return {name: value for name, value in filters.items() if value is not None}


def utc_text(moment: datetime | None) -> str | None:
    """Return the time with Z."""
    return None if moment is None else format_time(moment)

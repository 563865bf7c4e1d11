"""Times that clients give: RFC 3339 text, in UTC once it is read."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator

# A plus sign that was not encoded in a query arrives as a blank.
_LOST_PLUS = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)$")
_SAID = "must be a time as of RFC 3339, such as 2026-11-21T18:00:00Z"


def read_moment(given: Any) -> datetime:
    """Return the time in UTC; one without a zone is UTC.

    Raises:
        ValueError: it is no such text, or its zone leads out of the years 1 to 9999.
    """
    if not isinstance(given, str) or "T" not in given.upper():
        raise ValueError(_SAID)
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", given.upper()))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_SAID) from None


Moment = Annotated[datetime, BeforeValidator(read_moment)]
OptionalMoment = Moment | None

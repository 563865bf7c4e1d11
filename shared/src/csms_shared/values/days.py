"""Days of the calendar, `YYYY-MM-DD`, within the bounds of what happens (see `times`)."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema

# From 1970 to 2099, of which every fourth year has a 29th of February.
DAY_PATTERN = (
    r"^((19[7-9][0-9]|20[0-9][0-9])-"
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))"
    r"|(19(7[26]|8[048]|9[26])|20([02468][048]|[13579][26]))-02-29)$"
)
_DAY = re.compile(DAY_PATTERN, re.ASCII)


def read_day(given: Any) -> date:
    """Return a client's day.

    Raises:
        ValueError: it is no day from 1970 to 2099.
    """
    text = given.isoformat() if type(given) is date else given
    if not isinstance(text, str) or _DAY.fullmatch(text) is None:
        raise ValueError("must be a day from 1970 to 2099, such as 2026-11-21")
    return date.fromisoformat(text)


class _Written:
    """Says in the type's JSON schema how a day is written."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": DAY_PATTERN}


Day = Annotated[date, BeforeValidator(read_day), _Written()]

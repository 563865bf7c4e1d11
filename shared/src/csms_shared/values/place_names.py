"""What sites and tags are called."""

from typing import Annotated

from pydantic import Field

# Not `.` and `..`: in a path they mean another one, also encoded (RFC 3986, 5.2.4; URL Standard).
_NO_DOTS = r"^(\.{0,2}[^\x00-\x1f\x7f.][^\x00-\x1f\x7f]*|\.{3}[^\x00-\x1f\x7f]*)$"
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"
SiteId = Annotated[str, Field(min_length=1, max_length=64, pattern=_NO_DOTS)]
Tag = Annotated[str, Field(max_length=64, pattern=NOT_BLANK)]

"""Names of uploaded files, which stations make up and nobody may trust."""

import re

_LONGEST = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAMELESS = "upload"


def safe_name(given: str) -> str:
    """Return a name with nothing in it that a file system or a shell could read otherwise."""
    last = given.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return _UNSAFE.sub("_", last).lstrip("._-")[-_LONGEST:].lstrip("._-") or _NAMELESS

"""Names of one life of one process."""

import uuid


def new_incarnation(name: str) -> str:
    """Return a name never used before, for example `gateway-1-3f9c0a7be1d2`."""
    return f"{name}-{uuid.uuid4().hex[:12]}"

"""Events of id tokens."""

from enum import StrEnum

from pydantic import Field

from csms_shared.contracts.envelope import Open
from csms_shared.contracts.sessions import IdTokenView


class TokenChange(StrEnum):
    """What happened to an id token."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"


class IdTokenChanged(IdTokenView):
    """An id token as it is now, or was when it was deleted."""

    change: Open[TokenChange] = Field(description="what happened to it")

"""Who may do what."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """viewer reads; operator also sends commands and blocks tokens; admin does the rest."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Tell whether this role may do what `other` may."""
        return _RANK[self] >= _RANK[other]


_RANK = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: `id` is unique over users and API keys, `name` is what people read."""

    id: str
    name: str
    role: Role
    # Of a user's token; those of releases before sessions have none.
    session_id: UUID | None = None

    @property
    def username(self) -> str | None:
        """The user's name; None for an API key."""
        return self.name if self.id == user_principal(self.name) else None


def user_principal(username: str) -> str:
    """Return the id of the principal who is this user."""
    return f"user:{username}"

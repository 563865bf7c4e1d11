"""Who may do what."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from csms_shared.contracts.scopes import Scope
from csms_shared.values.tenants import DEFAULT_TENANT


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
    # Whose user or key it is, and for whom it asks: another only where it is the platform's.
    tenant_id: str = DEFAULT_TENANT
    acts_for: str = DEFAULT_TENANT
    is_platform: bool = False
    # None: everything of its tenant.
    scope: Scope | None = None

    @property
    def is_of_deployment(self) -> bool:
        """Whether it is of whoever runs the deployment, who may read what belongs to no tenant."""
        return self.tenant_id == DEFAULT_TENANT

    @property
    def username(self) -> str | None:
        """The user's name; None for an API key."""
        return self.name if self.id == user_principal(self.name) else None


def user_principal(username: str) -> str:
    """Return the id of the principal who is this user."""
    return f"user:{username}"

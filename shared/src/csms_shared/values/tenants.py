"""Tenants: the operators who share a deployment and can't see each other (ADR 0037)."""

from typing import Annotated

from pydantic import Field

# Whose everything is in an installation of a single operator, and what a message without a tenant
# means, such as one of the release before.
DEFAULT_TENANT = "default"
# A slug: it is part of keys and addresses, and never changes.
TenantId = Annotated[str, Field(max_length=40, pattern="^[a-z0-9](-?[a-z0-9])*$")]

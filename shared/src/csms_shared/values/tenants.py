"""Tenants: the operators who share a deployment and can't see each other (ADR 0037)."""

from typing import Annotated

from pydantic import Field

# Whose everything is in an installation of a single operator, and what a message without a tenant
# means, such as one of the release before.
DEFAULT_TENANT = "default"
# A slug: it is part of keys and addresses, and never changes.
TENANT_ID_PATTERN = "^[a-z0-9](-?[a-z0-9])*$"
TENANT_ID_MAX = 40
TenantId = Annotated[str, Field(max_length=TENANT_ID_MAX, pattern=TENANT_ID_PATTERN)]

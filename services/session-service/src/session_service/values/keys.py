"""What id tokens of a tenant are compared by, and how stations of tenants are named."""

from csms_shared.values.id_tokens import token_key
from csms_shared.values.tenant_keys import key_in_tenant

TenantStation = tuple[str, str]  # (tenant id, station id)


def token_key_in_tenant(tenant_id: str, id_token: str) -> str:
    """Return what is stored to compare an id token by; the same text of two tenants differs."""
    return key_in_tenant(tenant_id, token_key(id_token))

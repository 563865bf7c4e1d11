"""Keys of what is unique in a tenant, in columns that a release without tenants made (ADR 0037).

Their unique keys stay as they are, for programs of that release insert by them. So what another
tenant than the default one calls something is stored with the tenant before it.
"""

from csms_shared.values.id_tokens import token_key
from csms_shared.values.tenants import DEFAULT_TENANT

# No key of the default tenant begins with it: not a token's, which is stripped of blanks, and what
# else begins with it is stored with the tenant as well.
_MARK = "\x1f"

TenantStation = tuple[str, str]  # (tenant id, station id)


def key_in_tenant(tenant_id: str, key: str) -> str:
    """Return what is stored for a key of a tenant; the empty one is nobody's."""
    if not key or (tenant_id == DEFAULT_TENANT and not key.startswith(_MARK)):
        return key
    return f"{_MARK}{tenant_id}{_MARK}{key}"


def key_without_tenant(stored: str) -> str:
    """Return the key that is stored in this way."""
    return stored.split(_MARK, 2)[2] if stored.startswith(_MARK) else stored


def token_key_in_tenant(tenant_id: str, id_token: str) -> str:
    """Return what is stored to compare an id token by; the same text of two tenants differs."""
    return key_in_tenant(tenant_id, token_key(id_token))

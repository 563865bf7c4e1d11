"""Keys of what is unique in a tenant, in columns that a release without tenants made (ADR 0037).

Their unique keys stay as they are, for programs of that release insert by them. So what another
tenant than the default one calls something is stored with the tenant before it.
"""

from csms_shared.values.tenants import DEFAULT_TENANT

# No key of the default tenant begins with it: what does is stored with the tenant as well.
_MARK = "\x1f"


def key_in_tenant(tenant_id: str, key: str) -> str:
    """Return what is stored for a key of a tenant; the empty one is nobody's."""
    if not key or (tenant_id == DEFAULT_TENANT and not key.startswith(_MARK)):
        return key
    return f"{_MARK}{tenant_id}{_MARK}{key}"


def tenant_of_key(stored: str) -> str:
    """Return the tenant whose key is stored in this way."""
    return stored.split(_MARK, 2)[1] if stored.startswith(_MARK) else DEFAULT_TENANT


def key_without_tenant(stored: str) -> str:
    """Return the key that is stored in this way."""
    return stored.split(_MARK, 2)[2] if stored.startswith(_MARK) else stored

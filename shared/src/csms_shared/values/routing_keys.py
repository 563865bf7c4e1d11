"""Routing keys that somebody else has written: what AMQP can carry of them."""

from typing import TypeGuard

# A short string of AMQP 0-9-1 (4.2.5.3).
_MAX_BYTES = 255


def is_routing_key(key: object) -> TypeGuard[str]:
    """Tell whether anything can be sent to this key."""
    return isinstance(key, str) and len(key.encode()) <= _MAX_BYTES

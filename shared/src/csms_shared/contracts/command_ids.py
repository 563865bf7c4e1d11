"""Ids of commands, and of orders that become commands.

Version 7 UUIDs, so that the newest command has the greatest id.
"""

import secrets
import uuid


def new_command_id(now_ms: int) -> uuid.UUID:
    """Return a UUID of version 7 (RFC 9562, 5.7): milliseconds, then 74 random bits."""
    random = secrets.randbits(74)
    return uuid.UUID(
        int=(now_ms & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | (random >> 62) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )

"""A ChangeConfiguration of SecurityProfile raises the station's profile (whitepaper, A05)."""

from typing import Any

PROFILES = frozenset({"0", "1", "2", "3"})


def wanted_profile(action: str, payload: dict[str, Any]) -> str | None:
    """Return the profile that a command asks for, None for any other; keys count in any case."""
    key = payload.get("key")
    if action != "ChangeConfiguration" or not isinstance(key, str):
        return None
    return str(payload.get("value")) if key.casefold() == "securityprofile" else None

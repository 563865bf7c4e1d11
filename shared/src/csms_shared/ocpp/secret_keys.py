"""Configuration keys whose values are never shown, nor stored where nobody needs them again."""

MASK = "***"
_PARTS = ("authorizationkey", "password", "passphrase", "secret")


def is_secret_key(name: str) -> bool:
    """Tell whether the value of a configuration key is a secret; keys count in any case."""
    folded = name.strip().casefold()
    return any(part in folded for part in _PARTS)

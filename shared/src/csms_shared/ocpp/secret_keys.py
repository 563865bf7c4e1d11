"""Configuration keys whose values are never shown, nor stored where nobody needs them again."""

from collections.abc import Sequence
from typing import Any

from csms_shared.ocpp.action_row import EACH, KeyedSecret

MASK = "***"
_PARTS = ("authorizationkey", "password", "passphrase", "secret")


def is_secret_key(name: str) -> bool:
    """Tell whether the value of a configuration key is a secret; keys count in any case."""
    folded = name.strip().casefold()
    return any(part in folded for part in _PARTS)


def without_secrets(payload: dict[str, Any], secrets: Sequence[KeyedSecret]) -> dict[str, Any]:
    """Return a payload with the values of secret keys masked; what else it holds stays as it is."""
    for secret in secrets:
        payload = _masked(payload, secret.path, secret)
    return payload


def _masked(node: Any, path: Sequence[str], secret: KeyedSecret) -> Any:
    if not path:
        return _masked_value(node, secret)
    step, *rest = path
    if step == EACH:
        return [_masked(child, rest, secret) for child in node] if isinstance(node, list) else node
    if not isinstance(node, dict) or step not in node:
        return node
    return {**node, step: _masked(node[step], rest, secret)}


def _masked_value(node: Any, secret: KeyedSecret) -> Any:
    if not isinstance(node, dict) or secret.value not in node:
        return node
    name = node.get(secret.key)
    if not isinstance(name, str) or not is_secret_key(name):
        return node
    return {**node, secret.value: MASK}

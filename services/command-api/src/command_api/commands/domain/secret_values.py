"""Secrets in commands and in what stations answer: neither shown nor told in an event."""

from typing import Any

from csms_shared.ocpp.secret_keys import MASK, is_secret_key


def masked(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration key with its value masked."""
    return {**payload, "value": MASK}


def shown_payload(action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return a command's payload as it may be shown; what the station gets is stored beside."""
    return _masked_key(payload) if action == "ChangeConfiguration" else payload


def masked_response(action: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return a station's answer as it may be stored and shown.

    AuthorizationKey is write-only (security whitepaper, 2.1), and firmware shows it all the same.
    """
    shown = response.get("configurationKey")
    if action != "GetConfiguration" or not isinstance(shown, list):
        return response
    return {**response, "configurationKey": [_masked_key(one) for one in shown]}


def _masked_key(shown: Any) -> Any:
    if not isinstance(shown, dict) or "value" not in shown:
        return shown
    name = shown.get("key")
    return masked(shown) if isinstance(name, str) and is_secret_key(name) else shown

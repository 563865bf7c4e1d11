"""Secrets in commands and in what stations answer: neither shown nor told in an event."""

from typing import Any

from csms_shared.ocpp.actions import find_action
from csms_shared.ocpp.secret_keys import MASK, without_secrets


def masked(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration key with its value masked."""
    return {**payload, "value": MASK}


def shown_payload(version: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return a command's payload as it may be shown; what the station gets is stored beside."""
    row = find_action(version, action)
    return payload if row is None else without_secrets(payload, row.secrets)


def masked_response(version: str, action: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return a station's answer as it may be stored and shown.

    AuthorizationKey is write-only (security whitepaper, 2.1), and firmware shows it all the same.
    """
    row = find_action(version, action)
    return response if row is None else without_secrets(response, row.secrets_in_answer)

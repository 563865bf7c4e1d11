"""Secrets in commands and in what stations answer: neither shown nor told in an event."""

from typing import Any

from csms_shared.ocpp.actions import find_secrets
from csms_shared.ocpp.secret_keys import MASK, without_secrets


def masked(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration key with its value masked."""
    return {**payload, "value": MASK}


def shown_payload(version: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return a command's payload as it may be shown; what the station gets is stored beside."""
    in_call, _ = find_secrets(version, action)
    return without_secrets(payload, in_call)


def masked_response(version: str, action: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return a station's answer as it may be stored and shown.

    AuthorizationKey is write-only (security whitepaper, 2.1), and firmware shows it all the same.
    """
    _, in_answer = find_secrets(version, action)
    return without_secrets(response, in_answer)

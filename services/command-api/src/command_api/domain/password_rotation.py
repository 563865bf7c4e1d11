"""A ChangeConfiguration of AuthorizationKey is a password rotation (security whitepaper, 2.1)."""

from typing import Any

MASK = "***"
PASSWORD_MAX_LENGTH = 40
# Told before the command is sent, and again where no answer came.
OFFERED = {"keep_previous": True, "either": True}


def is_password_rotation(action: str, payload: dict[str, Any]) -> bool:
    """Tell whether the command sets the station's password; keys count in any case."""
    return action == "ChangeConfiguration" and _is_password_key(payload.get("key"))


def _is_password_key(key: object) -> bool:
    return isinstance(key, str) and key.casefold() == "authorizationkey"


def masked(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload as it may be stored and shown."""
    return {**payload, "value": MASK}


def masked_response(action: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return a station's answer as it may be stored and shown.

    The key is write-only (security whitepaper, 2.1), and firmware shows it all the same.
    """
    shown = response.get("configurationKey")
    if action != "GetConfiguration" or not isinstance(shown, list):
        return response
    return {**response, "configurationKey": [_masked_key(one) for one in shown]}


def _masked_key(shown: Any) -> Any:
    if isinstance(shown, dict) and _is_password_key(shown.get("key")) and "value" in shown:
        return masked(shown)
    return shown


def length_problem(password: str, minimum: int) -> str | None:
    """Return what is wrong with the length of a station's password, None where nothing is."""
    if minimum <= len(password) <= PASSWORD_MAX_LENGTH:
        return None
    return f"must have {minimum} to {PASSWORD_MAX_LENGTH} characters"


def password_change(status: str, response: dict[str, Any] | None) -> dict[str, bool]:
    """Return what the registry is told beside the new password (security whitepaper, A01).

    Accepted: only the new one counts (A01.FR.03). RebootRequired: the old one counts until the
    new one is used. No answer: both count until the station uses one, as they have from before it
    was asked. Anything else: the station kept the old one, and the new one is withdrawn
    (A01.FR.04).
    """
    if status == "outcome_unknown":
        return OFFERED
    answer = (response or {}).get("status")
    if status == "completed" and answer in ("Accepted", "RebootRequired"):
        return {"keep_previous": answer == "RebootRequired"}
    return {"withdrawn": True}

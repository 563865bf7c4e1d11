"""A command that gives a station a new password rotates it (security whitepaper, 2.1)."""

from typing import Any

PASSWORD_MAX_LENGTH = 40


def length_problem(password: str, minimum: int) -> str | None:
    """Return what is wrong with the length of a station's password, None where nothing is."""
    if minimum <= len(password) <= PASSWORD_MAX_LENGTH:
        return None
    return f"must have {minimum} to {PASSWORD_MAX_LENGTH} characters"


# Before the station is sent it: it may be back with the new one before its answer is known. Both
# count, and with no answer at all the first that it uses is the one that stays.
OFFERED: dict[str, bool | int] = {"keep_previous": True, "either": True}


def password_change(
    status: str, response: dict[str, Any] | None, ended_ms: int
) -> dict[str, bool | int]:
    """Return what the registry is told beside the new password (security whitepaper, A01).

    Accepted: only the new one counts (A01.FR.03). RebootRequired: the old one counts until the
    new one is used, or the station was reset and has used the old one. No answer: both count
    until the station uses one. Anything else: the station kept the old one, and the new one,
    which counted while the answer was missing, is withdrawn (A01.FR.04).
    """
    if status == "outcome_unknown":
        return OFFERED
    answer = (response or {}).get("status") if status == "completed" else None
    if answer == "Accepted":
        return {"keep_previous": False}
    if answer == "RebootRequired":
        return {"keep_previous": True, "reboot_required_ms": ended_ms}
    return {"withdrawn": True}

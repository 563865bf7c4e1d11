"""Whether a station's answer means yes."""

from typing import Any

# The values of `status` (OCPP 1.6 and its security extension) that mean: done, or will be done.
_YES = {
    "UnlockConnector": frozenset({"Unlocked"}),
    "ChangeAvailability": frozenset({"Accepted", "Scheduled"}),
    "ChangeConfiguration": frozenset({"Accepted", "RebootRequired"}),
    "GetLog": frozenset({"Accepted", "AcceptedCanceled"}),
    "SignedUpdateFirmware": frozenset({"Accepted", "AcceptedCanceled"}),
}
_ACCEPTED = frozenset({"Accepted"})


def is_accepted(action: str, response: dict[str, Any]) -> bool:
    """Tell whether the answer is a yes; one without a status is, because it is an answer."""
    status = response.get("status")
    if status is None:
        return True
    return isinstance(status, str) and status in _YES.get(action, _ACCEPTED)

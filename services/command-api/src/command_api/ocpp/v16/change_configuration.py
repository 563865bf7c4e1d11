"""ChangeConfiguration: a password rotates, a security profile rises (whitepaper, 2.1 and A05).

Keys count in any case.
"""

from typing import Any

from command_api.commands.domain.password_rotation import length_problem
from command_api.commands.domain.preparation import AskedCommand, Prepared, Refusal
from command_api.ocpp.preparing import Known, valid_payload
from csms_shared.contracts.refusals import refuse

PROFILES = frozenset({"0", "1", "2", "3"})
_ACTION = "ChangeConfiguration"
_AUTHORIZATION_KEY = "authorizationkey"
_SECURITY_PROFILE = "securityprofile"


async def prepare_change_configuration(asked: AskedCommand, known: Known) -> Prepared:
    """Prepare the change of a key; two of them concern the registry first.

    Raises:
        ProblemRaised: 422, the value is none, or a password would have to be stored.
    """
    payload = valid_payload(asked)
    key = payload["key"].casefold()
    if key == _AUTHORIZATION_KEY:
        return Prepared(payload, new_password=_password(asked, payload, known.min_password_length))
    if key == _SECURITY_PROFILE:
        return Prepared(payload, security_profile=_profile(payload))
    return Prepared(payload)


def sets_password(action: str, payload: dict[str, Any]) -> bool:
    """Tell whether the command sets the station's password."""
    return _key(action, payload) == _AUTHORIZATION_KEY


def concerns_registry(action: str, payload: dict[str, Any]) -> bool:
    """Tell whether the registry has a part in the change: a password's, a security profile's."""
    return _key(action, payload) in (_AUTHORIZATION_KEY, _SECURITY_PROFILE)


def refusal_of_order(asked: AskedCommand) -> Refusal | None:
    """Return why no service orders this.

    A new password would lie readable in a service's outbox, and a security profile has to be
    offered by the registry first.
    """
    key = _key(asked.action, asked.payload)
    if key == _AUTHORIZATION_KEY:
        detail = "a new AuthorizationKey is set by an operator only"
        return Refusal(status=409, code="rotation_not_ordered", detail=detail)
    if key == _SECURITY_PROFILE:
        detail = "SecurityProfile is raised by an operator only"
        return Refusal(status=409, code="profile_not_ordered", detail=detail)
    return None


def _key(action: str, payload: dict[str, Any]) -> str | None:
    key = payload.get("key")
    return key.casefold() if action == _ACTION and isinstance(key, str) else None


def _password(asked: AskedCommand, payload: dict[str, Any], min_length: int) -> str:
    if asked.held:
        raise refuse(
            422,
            "rotation_not_held",
            "a new AuthorizationKey is never stored, so the command can't be held",
            ("hold_until", "not allowed with AuthorizationKey"),
        )
    password: str = payload["value"]
    problem = length_problem(password, min_length)
    if problem is not None:
        raise refuse(422, "payload_invalid", f"value {problem}", ("/value", problem))
    return password


def _profile(payload: dict[str, Any]) -> int:
    profile: str = payload["value"]
    if profile not in PROFILES:
        raise refuse(422, "payload_invalid", "SecurityProfile is 1, 2 or 3", ("/value", "is none"))
    return int(profile)

"""The table (version, action) -> preparation, and the edge that commands pass on their way in."""

from collections.abc import Mapping
from typing import Any

from command_api.commands.domain.preparation import (
    AskedCommand,
    Prepared,
    Refusal,
    unknown_version,
)
from command_api.commands.domain.secret_values import masked
from command_api.ocpp import v16
from command_api.ocpp.preparing import Known, Preparation, prepare_as_asked
from command_api.ocpp.v16 import change_configuration
from command_api.ports import Services
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.ocpp.actions import command_actions
from csms_shared.ocpp.intents import read_intent
from csms_shared.ocpp.versions import OCPP16
from csms_shared.ocpp.writing import written

PREPARATIONS: Mapping[tuple[str, str], Preparation] = {
    (OCPP16, action): v16.PREPARATIONS.get(action, prepare_as_asked)
    for action in command_actions(OCPP16)
}


class Preparations:
    """The `CommandEdge` of commands that operators send and services order."""

    def __init__(self, services: Services, min_password_length: int) -> None:
        self._known = Known(services, min_password_length)

    def written(self, intent: dict[str, Any], version: str) -> tuple[str, dict[str, Any]] | None:
        """Return the action and payload that say this in a version, None where it has no words."""
        known = read_intent(intent)
        return None if known is None else written(version, known)

    def refusal_of_action(self, asked: AskedCommand) -> Refusal | None:
        """Return why no station is sent this: the version or its action is unknown here."""
        if (asked.version, asked.action) in PREPARATIONS:
            return None
        if asked.version not in {version for version, _ in PREPARATIONS}:
            return unknown_version(asked.version)
        detail = f"{asked.version} has no command {asked.action}"
        return Refusal(status=404, code="unknown_action", detail=detail)

    async def prepare(self, asked: AskedCommand) -> Prepared | Refusal:
        """Check what is asked, and complete it.

        Raises:
            ServiceAway: a service that has to be asked does not answer.
        """
        try:
            return await PREPARATIONS[asked.version, asked.action](asked, self._known)
        except ProblemRaised as refused:
            return refused.problem

    def refusal_of_order(self, asked: AskedCommand) -> Refusal | None:
        """Return why a service must not order it, None where an operator's rules are all."""
        return change_configuration.refusal_of_order(asked)

    def kept_payload(self, asked: AskedCommand) -> dict[str, Any]:
        """Return the payload as it may be stored, without what sets a password."""
        if sets_password(asked.action, asked.payload):
            return masked(asked.payload)
        return asked.payload


def sets_password(action: str, payload: dict[str, Any]) -> bool:
    """Tell whether a command sets the station's password, whatever version the station speaks."""
    return change_configuration.sets_password(action, payload)

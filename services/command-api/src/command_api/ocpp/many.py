"""Which commands can be sent to many stations: those that mean the same to each."""

from typing import Any

from command_api.commands.domain.preparation import Refusal
from command_api.ocpp.v16 import change_configuration
from command_api.ocpp.v16.rest import ONE_STATIONS_OWN
from csms_shared.contracts.requests import FieldProblem

EXAMPLE: dict[str, Any] = {"action": "Reset", "payload": {"type": "Soft"}}
"""A command as the document shows one."""


def refusal_for_many(action: str, payload: dict[str, Any]) -> Refusal | None:
    """Return why this is sent to one station only: it is prepared for it, or its secret."""
    why = ONE_STATIONS_OWN.get(action)
    if why is not None:
        return _refusal(f"{action} is sent to one station only: {why}", "action")
    if change_configuration.concerns_registry(action, payload):
        return _refusal(f"{payload['key']} is set of one station only", "/key")
    return None


def _refusal(detail: str, field: str) -> Refusal:
    problem = FieldProblem(field=field, message="is for one station only")
    return Refusal(status=422, code="not_for_many", detail=detail, errors=(problem,))

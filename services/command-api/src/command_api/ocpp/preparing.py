"""What preparations of every version share: their shape, and the check of a payload."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from command_api.commands.domain.preparation import AskedCommand, Prepared
from command_api.ocpp.payload_problems import payload_problems, with_whole_numbers
from command_api.ports import Services
from csms_shared.contracts.refusals import refuse


@dataclass(frozen=True, slots=True)
class Known:
    """What a preparation may ask, and what this deployment demands."""

    services: Services
    min_password_length: int


# Raises `ProblemRaised` for what must not be sent, and `ServiceAway`.
Preparation = Callable[[AskedCommand, Known], Awaitable[Prepared]]


async def prepare_as_asked(asked: AskedCommand, _: Known) -> Prepared:
    """Prepare a command of which the payload says everything."""
    return Prepared(valid_payload(asked))


def valid_payload(asked: AskedCommand) -> dict[str, Any]:
    """Return the payload, whole numbers as integers.

    Raises:
        ProblemRaised: 422, each field that is wrong.
    """
    payload = asked.payload
    problems = payload_problems(asked.version, asked.action, payload)
    if problems:
        payload = with_whole_numbers(asked.version, asked.action, payload)
        problems = payload_problems(asked.version, asked.action, payload)
    if problems:
        raise refuse(
            422, "payload_invalid", f"the payload is no valid {asked.action} request", *problems
        )
    return payload

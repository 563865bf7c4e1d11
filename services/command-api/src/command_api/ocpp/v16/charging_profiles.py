"""A charging profile is checked before it is sent: by itself, and against what is known."""

from typing import Any

from command_api.commands.domain.preparation import AskedCommand, Prepared
from command_api.ocpp.preparing import Known, valid_payload
from command_api.ports import Services
from csms_shared.broker.topology import SESSION_SERVICE, STATION_REGISTRY
from csms_shared.contracts.refusals import refuse
from csms_shared.ocpp.charging_profiles import (
    LIMIT_KEYS,
    Problem,
    ProfileLimits,
    carried_profile,
    profile_limits,
    profile_problems,
)
from csms_shared.ocpp.v16 import SET_CHARGING_PROFILE


async def prepare_set_charging_profile(asked: AskedCommand, known: Known) -> Prepared:
    """Prepare a charging profile for its station.

    Raises:
        ProblemRaised: 422, the payload or the profile is not valid.
        ServiceAway: a service that has to be asked does not answer.
    """
    payload = valid_payload(asked)
    await check_charging_profile(known.services, asked, payload)
    return Prepared(payload)


async def check_charging_profile(
    services: Services, asked: AskedCommand, payload: dict[str, Any]
) -> None:
    """Check the charging profile of a valid request; one without any passes unasked.

    What the station has installed and which transactions run is not asked for a held command:
    both may be other by the time it is sent.

    Raises:
        ProblemRaised: 422, each problem with its field.
        ServiceAway: a service that has to be asked does not answer.
    """
    action = asked.action
    if carried_profile(action, payload) is None:
        return
    _refuse_any(action, profile_problems(action, payload, ProfileLimits()))
    values = await services.ask(
        STATION_REGISTRY,
        "configuration.values",
        {"station_id": asked.station_id, "keys": list(LIMIT_KEYS)},
    )
    limits = profile_limits(values)
    _refuse_any(action, profile_problems(action, payload, limits))
    if action == SET_CHARGING_PROFILE and not asked.held:
        found = await services.ask(
            SESSION_SERVICE,
            "charging_profiles.check",
            {
                "station_id": asked.station_id,
                "payload": payload,
                "max_installed": limits.max_installed,
            },
        )
        _refuse_any(action, [(problem["field"], problem["message"]) for problem in found])


def _refuse_any(action: str, problems: list[Problem]) -> None:
    if problems:
        raise refuse(
            422,
            "charging_profile_invalid",
            f"the charging profile of this {action} is not valid",
            *problems,
        )

"""Finds what is known of an action, by OCPP version and name (`action_row`)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from csms_shared.ocpp import v16
from csms_shared.ocpp.action_row import Action, FromStation, KeyedSecret, ToStation
from csms_shared.ocpp.errors import RpcError
from csms_shared.ocpp.versions import OCPP16

_ACTIONS: Mapping[str, Mapping[str, Action]] = MappingProxyType({OCPP16: v16.ACTIONS})
VERSIONS: Final = tuple(_ACTIONS)

_STATION_CALLS: Mapping[str, Mapping[str, FromStation]] = MappingProxyType(
    {
        version: MappingProxyType(
            {row.name: row.from_station for row in rows.values() if row.from_station is not None}
        )
        for version, rows in _ACTIONS.items()
    }
)
_COMMANDS: Mapping[str, Mapping[str, ToStation]] = MappingProxyType(
    {
        version: MappingProxyType(
            {row.name: row.to_station for row in rows.values() if row.to_station is not None}
        )
        for version, rows in _ACTIONS.items()
    }
)
_COMMAND_ACTIONS = {version: tuple(rows) for version, rows in _COMMANDS.items()}


def actions(version: str) -> Mapping[str, Action]:
    """Return the rows of a version by the actions' names, in alphabetical order."""
    return _ACTIONS[version]


def find_action(version: str, name: str) -> Action | None:
    """Return what is known of an action, None where the version or the action is unknown."""
    rows = _ACTIONS.get(version)
    return None if rows is None else rows.get(name)


def find_command(version: str, name: str) -> ToStation | None:
    """Return how a command is treated, None where the version has none of this name."""
    row = find_action(version, name)
    return None if row is None else row.to_station


def find_secrets(version: str, name: str) -> tuple[Sequence[KeyedSecret], Sequence[KeyedSecret]]:
    """Return where secrets are in a call and in its answer.

    Of a version that is unknown here, as of a station that a later release has served, an action
    has them where any version has them under this name.
    """
    versions = (version,) if version in _ACTIONS else VERSIONS
    rows = [row for known in versions if (row := _ACTIONS[known].get(name)) is not None]
    return (
        [secret for row in rows for secret in row.secrets],
        [secret for row in rows for secret in row.secrets_in_answer],
    )


def station_calls(version: str) -> Mapping[str, FromStation]:
    """Return how the calls of stations are treated, by action, in alphabetical order."""
    return _STATION_CALLS[version]


def commands(version: str) -> Mapping[str, ToStation]:
    """Return how the calls of a central system are treated, by action, in alphabetical order."""
    return _COMMANDS[version]


def command_actions(version: str) -> tuple[str, ...]:
    """Return the names of the actions that a central system calls, in alphabetical order."""
    return _COMMAND_ACTIONS[version]


def is_known(version: str, name: str) -> bool:
    """Tell whether this OCPP version defines the action, in whichever direction."""
    return name in _ACTIONS[version]


def refusal_of_station_call(version: str, name: str) -> RpcError | None:
    """Return why a station's call of this action is refused whatever it holds, None if not."""
    if name in _STATION_CALLS[version]:
        return None
    return RpcError.NOT_SUPPORTED if is_known(version, name) else RpcError.NOT_IMPLEMENTED

"""Answers to GetConfiguration and ChangeConfiguration (OCPP 1.6, 5.3 and 5.8)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.values.texts import storable
from csms_shared.values.times import read_moment
from station_registry.configuration.domain import (
    ChangeEnd,
    ReadEnd,
    Reading,
    key_of,
    stored_value,
)


def read_values(command: CompletedCommand) -> ReadEnd:
    """Read the end of a GetConfiguration."""
    response = command.response
    return ReadEnd(
        command.station_id,
        _asked_at(command),
        None if response is None else tuple(readings(response)),
    )


def read_change(command: CompletedCommand) -> ChangeEnd:
    """Read the end of a ChangeConfiguration."""
    response, name = command.response, storable(command.payload.get("key"))
    return ChangeEnd(
        command.command_id,
        command.station_id,
        _asked_at(command),
        name,
        stored_value(name, storable(command.payload.get("value"))),
        None if response is None else str(response.get("status")),
        command.is_settled,
    )


def readings(response: Mapping[str, Any]) -> list[Reading]:
    """Return what an answer to GetConfiguration says, each key once."""
    found: dict[str, Reading] = {}
    for shown in response.get("configurationKey") or ():
        if "key" not in shown:
            continue
        value = shown.get("value")
        name = storable(shown["key"])
        found[key_of(name)] = Reading(
            name,
            stored_value(name, None if value is None else storable(value)),
            shown.get("readonly"),
        )
    for unknown in response.get("unknownKey") or ():
        name = storable(unknown)
        found.setdefault(key_of(name), Reading(name, None, None, known=False))
    return list(found.values())


def _asked_at(command: CompletedCommand) -> datetime:
    return read_moment(command.sent_at or command.completed_at)

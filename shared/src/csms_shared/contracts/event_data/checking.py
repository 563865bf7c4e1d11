"""Holds an event against its row of the table, strictly.

For tests: who reads events ignores what it does not know, so that fields may be added.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from csms_shared.contracts.event_data.table import EVENTS, EventRow
from csms_shared.contracts.events import CloudEvent, event_type

ROWS_BY_TYPE = {event_type(key): row for key, row in EVENTS.items()}


class NotAsDescribed(Exception):
    """An event that its row of the table does not describe."""


def check_event(event: Mapping[str, Any]) -> None:
    """Look whether the table has such an event, and its model each field of it.

    Raises:
        NotAsDescribed: it is of no known type, or tells what its row does not.
        ValidationError: a field has another type, or is missing.
    """
    row = ROWS_BY_TYPE.get(event["type"])
    if row is None:
        raise NotAsDescribed(f"the table has no {event['type']}")
    if event.get("siteid", "") is None:
        raise NotAsDescribed("what has no value is no attribute")
    _same(event, _read(CloudEvent, event), event["type"])
    _same(event["data"], _read(row.data, event["data"]), event["type"])
    _check_attributes(event, row)


def checked_events(batch: bytes) -> list[dict[str, Any]]:
    """Return the events of a JSON array: a message, or a row of an outbox.

    Raises:
        NotAsDescribed, ValidationError: as `check_event`.
    """
    events: list[dict[str, Any]] = orjson.loads(batch)
    for event in events:
        check_event(event)
    return events


def _check_attributes(event: Mapping[str, Any], row: EventRow) -> None:
    about = event["data"][row.subject.value]
    sources = [f"/csms/{source}" for source in row.sources]
    if event["subject"] != about or event["source"] not in sources:
        found = f"{event['subject']} of {event['source']}"
        raise NotAsDescribed(f"{event['type']}: {found} in place of {about} of one of {sources}")


def _read(model: Any, value: Mapping[str, Any]) -> Any:
    read = model.model_validate_json(orjson.dumps(value), strict=True)
    return read.model_dump(mode="json", exclude_unset=True)


def _same(told: Mapping[str, Any], read: Mapping[str, Any], type_: str) -> None:
    """Compare what was told with what the model knows of it, at any depth."""
    if told != read:
        unknown = {name: told[name] for name in told if told[name] != read.get(name)}
        raise NotAsDescribed(f"{type_}: not in the model: {unknown}")

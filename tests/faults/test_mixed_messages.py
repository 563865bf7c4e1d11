"""F24, the messages: those of the version before and of the version after are read."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from csms_shared.contracts.json_schemas import MESSAGES
from csms_shared.contracts.message_types import MessageType

SAMPLES = Path(__file__).parents[2] / "docs" / "messages" / "samples"


def _sample(name: MessageType) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return sample


def _with_additions(value: object) -> object:
    """Add a field that nobody knows to every object."""
    if isinstance(value, dict):
        return {key: _with_additions(part) for key, part in value.items()} | {"added_later": 1}
    if isinstance(value, list):
        return [_with_additions(part) for part in value]
    return value


@pytest.mark.parametrize("name", list(MessageType))
def test_what_a_newer_version_adds_to_a_message_is_ignored(name: MessageType) -> None:
    known = MESSAGES[name].model_validate(_sample(name))
    newer = MESSAGES[name].model_validate(_with_additions(_sample(name)))
    assert type(newer) is type(known)


@pytest.mark.parametrize("name", list(MessageType))
def test_what_an_older_version_does_not_send_yet_has_a_default(name: MessageType) -> None:
    model = MESSAGES[name]
    older = _required_parts(model, _sample(name))
    assert isinstance(model.model_validate(older), model)


def _required_parts(model: type[BaseModel], sample: dict[str, Any]) -> dict[str, Any]:
    required = {field for field, info in model.model_fields.items() if info.is_required()}
    return {field: value for field, value in sample.items() if field in required}

"""The published JSON Schemas are those of the code, and every sample is a message."""

from pathlib import Path

import pytest

from csms_shared.contracts.json_schemas import MESSAGES, schemas
from csms_shared.contracts.message_types import MessageType

DOCS = Path(__file__).parents[3] / "docs" / "messages"


def test_every_message_type_has_a_contract() -> None:
    assert set(MESSAGES) == set(MessageType)


def test_the_schemas_in_the_documentation_are_those_of_the_code() -> None:
    published = {
        str(path.relative_to(DOCS / "schemas")): path.read_text()
        for path in (DOCS / "schemas").rglob("*.json")
    }
    assert published == schemas(), "run: make schemas"


@pytest.mark.parametrize("name", list(MessageType))
def test_the_golden_sample_is_read_and_written_unchanged(name: MessageType) -> None:
    model = MESSAGES[name]
    sample = (DOCS / "samples" / f"{name}.json").read_text()
    message = model.model_validate_json(sample, strict=True)
    assert model.model_validate_json(message.model_dump_json()) == message
    assert set(message.model_fields_set) == set(model.model_fields) - _left_out(name)


def _left_out(name: MessageType) -> set[str]:
    """Fields of which a message holds one or the other."""
    return {"problem"} if name is MessageType.RESPONSE else set()

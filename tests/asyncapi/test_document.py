"""The AsyncAPI document is one that others' tools read, with every event in it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from csms_shared.contracts.event_data.table import EVENTS
from csms_shared.contracts.events import event_type
from tests.asyncapi.parsed_document import DOCUMENT, install, parsed

Document = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    install()


@pytest.fixture
def document() -> Document:
    """The published document."""
    found: Document = json.loads(DOCUMENT.read_text())
    return found


def test_the_document_has_no_error_and_names_every_event(document: Document) -> None:
    said = parsed(document)
    assert said["errors"] == []
    assert set(said["channels"]) == {*EVENTS, "live-events"}
    types = {event_type(key) for key in EVENTS}
    assert set(said["messages"]) == types | {f"{name}-batch" for name in types}


def _no_action(document: Document) -> None:
    del document["operations"]["stream-events"]["action"]


def _nowhere(document: Document) -> None:
    channel = {"$ref": "#/channels/transaction.vanished"}
    document["operations"]["tell-transaction.started"]["channel"] = channel


def _no_schema(document: Document) -> None:
    document["components"]["schemas"]["CloudEvent"]["type"] = "cloud"


def _no_such_binding(document: Document) -> None:
    document["channels"]["transaction.started"]["bindings"]["amqp"]["is"] = "letter"


@pytest.mark.parametrize("broken", [_no_action, _nowhere, _no_schema, _no_such_binding])
def test_a_broken_document_is_found(document: Document, broken: Callable[[Document], None]) -> None:
    before = copy.deepcopy(document)
    broken(document)
    assert document != before
    assert parsed(document)["errors"] != []

"""Every public event has a row, a model, a sample, a page and a place in the document."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for
from pydantic import ValidationError

from csms_shared.broker.topology import EVENTS as EXCHANGE
from csms_shared.broker.topology import INTERNAL_EVENT_KEYS
from csms_shared.contracts import asyncapi
from csms_shared.contracts.event_data.checking import NotAsDescribed, check_event
from csms_shared.contracts.event_data.table import EVENTS
from csms_shared.contracts.event_pages import domain_of, fields_of, pages

DOCS = Path(__file__).parents[3] / "docs" / "messages"
SAMPLES = asyncapi.samples_in(DOCS)
Event = dict[str, Any]


def test_every_event_has_a_sample_and_every_sample_is_of_an_event() -> None:
    assert set(SAMPLES) == set(EVENTS)


def test_what_the_suite_follows_of_its_events_is_in_the_table() -> None:
    assert set(EVENTS) >= INTERNAL_EVENT_KEYS


@pytest.mark.parametrize("key", EVENTS)
def test_the_sample_is_as_the_table_says(key: str) -> None:
    assert SAMPLES[key]["type"] == f"csms.{key}.v1"
    check_event(SAMPLES[key])


@pytest.mark.parametrize("key", EVENTS)
def test_each_field_has_a_meaning(key: str) -> None:
    fields = list(fields_of(EVENTS[key].data.model_json_schema()))
    assert fields
    assert [name for name, _, meaning in fields if not meaning] == []
    assert EVENTS[key].data.__doc__


@pytest.mark.parametrize("key", EVENTS)
def test_the_sample_meets_the_schemas_that_others_read(key: str) -> None:
    schema = json.loads((DOCS / "schemas" / "events" / f"{key}.json").read_text())
    validator_for(schema).validate(SAMPLES[key]["data"])
    components = json.loads((DOCS / asyncapi.FILE).read_text())["components"]
    of_event = {"$ref": f"#/components/schemas/{key}", "components": components}
    validator_for(of_event).validate(SAMPLES[key])


def test_the_pages_of_events_are_those_of_the_code() -> None:
    published = {path.name: path.read_text() for path in (DOCS / "events").glob("*.md")}
    assert published == pages(), "run: make schemas"


@pytest.mark.parametrize("key", EVENTS)
def test_each_event_has_its_section_of_a_page(key: str) -> None:
    assert f"\n## `{key}`\n" in pages()[f"{domain_of(key)}.md"]


def test_the_asyncapi_document_is_that_of_the_code() -> None:
    assert (DOCS / asyncapi.FILE).read_text() == asyncapi.text_of(DOCS), "run: make schemas"


def test_the_asyncapi_document_names_the_exchange_of_the_suite() -> None:
    channels = asyncapi.document(SAMPLES)["channels"]
    exchanges = {
        channel["bindings"]["amqp"]["exchange"]["name"]
        for channel in channels.values()
        if "bindings" in channel
    }
    assert exchanges == {EXCHANGE}


def _more(event: Event) -> None:
    event["added"] = 1


def _more_data(event: Event) -> None:
    event["data"]["added"] = 1


def _more_in_a_part(event: Event) -> None:
    event["data"]["previous"]["added"] = 1


def _other_type(event: Event) -> None:
    event["type"] = "csms.transaction.vanished.v1"


def _other_source(event: Event) -> None:
    event["source"] = "/csms/station-registry"


def _other_subject(event: Event) -> None:
    event["subject"] = "CS-0002"


def _no_site(event: Event) -> None:
    event["siteid"] = None


@pytest.mark.parametrize(
    "change",
    [_more, _more_data, _more_in_a_part, _other_type, _other_source, _other_subject, _no_site],
)
def test_an_event_that_its_row_does_not_describe_is_found(change: Callable[[Event], None]) -> None:
    event = copy.deepcopy(SAMPLES["transaction.corrected"])
    change(event)
    with pytest.raises(NotAsDescribed):
        check_event(event)


def _text_for_a_number(event: Event) -> None:
    event["data"]["meter_start"] = "120000"


def _field_missing(event: Event) -> None:
    del event["data"]["energy_wh"]


@pytest.mark.parametrize("change", [_text_for_a_number, _field_missing])
def test_a_field_of_another_type_or_none_is_found(change: Callable[[Event], None]) -> None:
    event = copy.deepcopy(SAMPLES["transaction.corrected"])
    change(event)
    with pytest.raises(ValidationError):
        check_event(event)

"""Writes the AsyncAPI document of the public events into the folder that is its argument.

The folder holds the samples of events too, which are the document's examples.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from csms_shared.contracts.event_data.table import EVENTS, EventRow
from csms_shared.contracts.events import (
    EVENTS_CONTENT_TYPE,
    OPTIONAL_ATTRIBUTES,
    CloudEvent,
    event_type,
)

Document = dict[str, Any]
FILE = "asyncapi.json"
_SCHEMAS = "#/components/schemas/"
_EVENT_CONTENT_TYPE = "application/cloudevents+json"
_EXCHANGE = {"name": "csms.events.v1", "type": "topic", "durable": True, "autoDelete": False}
_STREAM = "live-events"
_INFO = {
    "title": "Events of the central system",
    "version": "1.0.0",
    "description": "What happened, as CloudEvents 1.0: on an exchange of RabbitMQ for other "
    "systems, and as a stream of server-sent events. At least once: drop duplicates by (source, "
    "id). Fields and values may be added; a field that changes its meaning is a new type.",
}
_SERVERS: Document = {
    "broker": {
        "host": "broker.example:5672",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ, on which other systems bind queues of their own",
        "security": [{"type": "userPassword"}],
    },
    "rest": {
        "host": "csms.example",
        "protocol": "https",
        "description": "the REST interface",
        "security": [{"type": "http", "scheme": "bearer"}],
    },
}


def document(samples: Mapping[str, Any]) -> Document:
    """Return the document; `samples` has an event for each routing key."""
    streamed = {key: {"$ref": f"#/components/messages/{key}"} for key in EVENTS}
    channels = {key: _channel(key, row, samples[key]) for key, row in EVENTS.items()}
    return {
        "asyncapi": "3.0.0",
        "info": _INFO,
        "defaultContentType": _EVENT_CONTENT_TYPE,
        "servers": _SERVERS,
        "channels": channels | {_STREAM: _stream(streamed)},
        "operations": {f"tell-{key}": _told_on(key) for key in EVENTS}
        | {"stream-events": _streaming()},
        "components": {
            "schemas": _schemas(),
            "messages": {key: _message(key, row, samples[key]) for key, row in EVENTS.items()},
        },
    }


def _channel(key: str, row: EventRow, sample: Any) -> Document:
    batch = {
        "name": f"{event_type(key)}-batch",
        "title": f"{key}, in a batch",
        "contentType": EVENTS_CONTENT_TYPE,
        "payload": {"type": "array", "minItems": 1, "items": {"$ref": _SCHEMAS + key}},
        "examples": [{"payload": [sample]}],
    }
    return {
        "address": key,
        "title": key,
        "description": f"Told when: {row.told}.",
        "servers": [{"$ref": "#/servers/broker"}],
        "messages": {"batch": batch},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": _EXCHANGE, "bindingVersion": "0.3.0"}
        },
    }


def _stream(messages: Document) -> Document:
    return {
        "address": "/api/v1/events",
        "title": "Server-sent events",
        "description": "A `text/event-stream`: the `data` of each server-sent event is one event, "
        "as it happens. What happened while nobody listened is not sent.",
        "servers": [{"$ref": "#/servers/rest"}],
        "messages": messages,
    }


def _told_on(key: str) -> Document:
    channel = f"#/channels/{key}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/batch"}],
    }


def _streaming() -> Document:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{_STREAM}"},
        "bindings": {"http": {"method": "GET", "bindingVersion": "0.3.0"}},
    }


def _message(key: str, row: EventRow, sample: Any) -> Document:
    return {
        "name": event_type(key),
        "title": key,
        "summary": f"Told when: {row.told}.",
        "contentType": _EVENT_CONTENT_TYPE,
        "payload": {"$ref": _SCHEMAS + key},
        "examples": [{"payload": sample}],
    }


def _schemas() -> Document:
    """Return the envelope, an event of each routing key, and the parts of their `data`."""
    models = list(dict.fromkeys(row.data for row in EVENTS.values()))
    references, parts = models_json_schema(
        [(model, "validation") for model in models], ref_template=_SCHEMAS + "{model}"
    )
    events = {
        key: _event(key, row, references[row.data, "validation"]) for key, row in EVENTS.items()
    }
    return {"CloudEvent": _envelope(), **events, **parts["$defs"]}


def _event(key: str, row: EventRow, data: Document) -> Document:
    attributes = {
        "type": {"const": event_type(key)},
        "source": {"enum": [f"/csms/{source}" for source in row.sources]},
        "data": data,
    }
    return {"allOf": [{"$ref": _SCHEMAS + "CloudEvent"}, {"properties": attributes}]}


def _envelope() -> Document:
    """Return the schema of what is written: everything, and `siteid` and `position` or not."""
    schema = CloudEvent.model_json_schema()
    optional = {name: {"title": name.title(), "type": "string"} for name in OPTIONAL_ATTRIBUTES}
    attributes = schema["properties"] | optional
    required = [name for name in attributes if name not in optional]
    return schema | {"properties": attributes, "required": required}


def samples_in(folder: Path) -> dict[str, Any]:
    """Return the sample of each event, by its routing key, of a folder of messages."""
    paths = sorted((folder / "samples" / "events").glob("*.json"))
    return {path.stem: json.loads(path.read_text()) for path in paths}


def text_of(folder: Path) -> str:
    """Return the document's text, with the samples of `folder`."""
    return json.dumps(document(samples_in(folder)), indent=1) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / FILE).write_text(text_of(Path(sys.argv[1])))

"""Writes the pages of all public events into the folder that is its argument."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from inspect import cleandoc
from itertools import groupby
from pathlib import Path
from typing import Any

from csms_shared.contracts.event_data.table import EVENTS, EventRow
from csms_shared.contracts.events import event_type

Schema = Mapping[str, Any]
_WRITTEN = "Written by `make schemas` from `csms_shared.contracts.event_data`; change it there.\n"
_REFERENCE = "#/$defs/"


def pages() -> dict[str, str]:
    """Return file name -> text: a page for each domain, and one that lists all events."""
    domains = groupby(EVENTS, key=domain_of)
    return {"README.md": _overview()} | {f"{name}.md": _page(name, keys) for name, keys in domains}


def domain_of(routing_key: str) -> str:
    """Return the domain of an event: `transaction.started` -> `transaction`."""
    return routing_key.partition(".")[0]


def _overview() -> str:
    rows = [
        f"| [`{key}`]({domain_of(key)}.md#{key.replace('.', '')}) | {_told_by(row)} | "
        f"{_subject(row)} | {row.told} |"
        for key, row in EVENTS.items()
    ]
    head = "| event | told by | subject | when |\n|---|---|---|---|\n"
    return "\n".join(["# All events", "", _WRITTEN, head + "\n".join(rows), ""])


def _page(domain: str, keys: Iterable[str]) -> str:
    about = f"How they come: [events](../events.md). {_WRITTEN}"
    return "\n".join([f"# `{domain}.*`", "", about, *(_section(key) for key in keys)])


def _section(key: str) -> str:
    row = EVENTS[key]
    schema = row.data.model_json_schema()
    fields = [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in fields_of(schema)]
    return "\n".join(
        [
            f"## `{key}`",
            "",
            cleandoc(row.data.__doc__ or ""),
            "",
            f"- Told when: {row.told}.",
            f"- Type `{event_type(key)}`, source {_sources(row)}, subject: {_subject(row)}.",
            f"- [Sample](../samples/events/{key}.json), "
            f"[schema of `data`](../schemas/events/{key}.json).",
            "",
            "| field of `data` | type | meaning |",
            "|---|---|---|",
            *fields,
            "",
        ]
    )


def _told_by(row: EventRow) -> str:
    return row.sources[0] if len(row.sources) == 1 else "any service"


def _sources(row: EventRow) -> str:
    return " or ".join(f"`/csms/{source}`" for source in row.sources)


def _subject(row: EventRow) -> str:
    return f"the {row.subject.name.lower().replace('_', ' ')} (`{row.subject}`)"


def fields_of(schema: Schema) -> Iterator[tuple[str, str, str]]:
    """Return name, type and meaning of each field; of a part it is `part.field`."""
    return _fields(schema, schema.get("$defs", {}), "")


def _fields(schema: Schema, parts: Schema, prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in schema.get("properties", {}).items():
        yield prefix + name, _kind(field, parts), field.get("description", "")
        for part, many in _objects(field, parts):
            yield from _fields(part, parts, f"{prefix}{name}{'[]' if many else ''}.")


def _objects(field: Schema, parts: Schema, many: bool = False) -> Iterator[tuple[Schema, bool]]:
    """Return the objects with fields of their own that a field holds, and whether it is a list."""
    for option in field.get("anyOf", [field]):
        if option.get("type") == "array":
            yield from _objects(option["items"], parts, many=True)
        elif "$ref" in option:
            yield parts[option["$ref"].removeprefix(_REFERENCE)], many


def _kind(field: Schema, parts: Schema) -> str:
    if "anyOf" in field:
        options = [_kind(option, parts) for option in field["anyOf"]]
        # Open: values may be added.
        named = [option for option in options if option.startswith("`")]
        return " or ".join(["another text" if named and o == "string" else o for o in options])
    if "$ref" in field:
        return _kind(parts[field["$ref"].removeprefix(_REFERENCE)], parts)
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field["type"] == "array":
        return f"list of {_kind(field['items'], parts)}"
    return str(field["type"])


def write(folder: Path) -> None:
    """Write all pages into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))

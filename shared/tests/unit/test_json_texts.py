"""JSON written again."""

import json
from typing import Any

import orjson
import pytest

from csms_shared.service.inbox import Work
from csms_shared.values.json_texts import is_deeper_than, written


@pytest.mark.parametrize("depth", [0, 1, 253, 254, 300, 1000])
def test_what_can_be_read_can_be_written(depth: int) -> None:
    text = (
        b'{"a":[1,' + b'[{"b":' * (depth // 2) + b"[]" + b"}]" * (depth // 2) + b'],"c":{},"d":1.5}'
    )
    assert written(orjson.loads(text)) == text


def test_texts_and_names_are_escaped_however_deep_they_are() -> None:
    document = orjson.loads(b'["\\"\\n",' + b'{"\\"n\\u0000":' * 300 + b"null" + b"}" * 300 + b"]")
    assert json.loads(written(document)) == document


def test_an_item_that_is_nested_deep_can_be_parked() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    work = Work("events.v1", {"reply_key": "k"}, orjson.loads(deep))
    assert work.body() == b'{"reply_key":"k","items":[' + deep + b"]}"


@pytest.mark.parametrize(
    ("document", "levels"),
    [
        (1, 0),
        ([], 1),
        ({"a": 1}, 1),
        ({"a": []}, 2),
        ([[1], {"a": {"b": [None]}}], 4),
    ],
)
def test_a_document_is_as_deep_as_it_is_nested(document: Any, levels: int) -> None:
    assert not is_deeper_than(levels, document)
    assert levels < 2 or is_deeper_than(levels - 1, document)

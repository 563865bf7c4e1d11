from typing import Any, cast

import orjson
from aio_pika.abc import AbstractIncomingMessage

from csms_shared.broker.consumer import Delivery
from csms_shared.service.inbox import decode

BODY = orjson.dumps(
    {"deadline_ms": 5_000, "gateway_id": "g", "items": [{"deadline_ms": 7_000, "at_ms": 9_000}]}
)


def delivery(ahead_ms: int) -> Delivery:
    message = cast(AbstractIncomingMessage, cast(Any, None))
    return Delivery("calls.v1", "key", BODY, False, message, ahead_ms)


def test_deadlines_are_read_by_our_clock_and_the_past_stays_as_it_was_told() -> None:
    (work,) = decode([delivery(120_000)])
    assert work.envelope["deadline_ms"] == 125_000
    assert work.item == {"deadline_ms": 127_000, "at_ms": 9_000}


def test_an_item_that_is_set_aside_is_the_same_whenever_it_was_read() -> None:
    bodies = {work.body() for ahead_ms in (0, 3, -4) for work in decode([delivery(ahead_ms)])}
    assert [orjson.loads(body) for body in bodies] == [orjson.loads(BODY)]

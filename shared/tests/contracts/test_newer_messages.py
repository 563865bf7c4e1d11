"""Messages of a newer version: what is new in one item costs that item, and no other.

Each sample has a value that this version does not know in its first item, a second item that
meets no contract, and a third that is known.
"""

from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from pydantic import ValidationError

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.reading import UnreadableMessage, read_batch, read_events
from csms_shared.contracts.commands import CommandReportBatch
from csms_shared.contracts.control import ControlBatch
from csms_shared.contracts.envelope import Batch, Contract
from csms_shared.contracts.json_schemas import MESSAGES
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ClaimOutcome, ClaimReplyBatch
from csms_shared.service.inbox import decode

SAMPLES = Path(__file__).parents[3] / "docs" / "messages" / "samples"
BATCHES = [name for name, model in MESSAGES.items() if issubclass(model, Batch)]


def newer(name: MessageType) -> bytes:
    return (SAMPLES / "newer" / f"{name}.json").read_bytes()


def known_item(name: MessageType) -> Contract:
    model = cast(type[Batch[Contract]], MESSAGES[name])
    return model.model_validate_json((SAMPLES / f"{name}.json").read_bytes()).items[0]


def batch_of(name: MessageType) -> type[Batch[Contract]]:
    return cast(type[Batch[Contract]], MESSAGES[name])


def test_every_contract_has_a_sample_with_something_new() -> None:
    assert {path.name for path in (SAMPLES / "newer").iterdir()} == {
        f"{name}.json" for name in MessageType
    }
    assert all(b"added_later" in newer(name) for name in MessageType)


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_read_without_the_item_that_meets_no_contract(name: MessageType) -> None:
    with pytest.raises(ValidationError):
        batch_of(name).model_validate_json(newer(name))
    read = read_batch(batch_of(name), name, newer(name))
    assert len(read.items) == 2
    assert read.items[1] == known_item(name)
    beside = orjson.loads(newer(name)).keys() & batch_of(name).model_fields.keys()
    assert read.model_fields_set == beside


@pytest.mark.parametrize("name", BATCHES)
def test_an_inbox_gets_the_items_of_a_batch_one_by_one(name: MessageType) -> None:
    delivery = Delivery(name, "", newer(name), False, cast(Any, None))
    item = type(known_item(name))
    readable = []
    for work in decode([delivery]):
        try:
            readable.append(item.model_validate(work.item))
        except ValidationError:
            assert work.item == {"added_later": True}
    assert len(readable) == 2


@pytest.mark.parametrize("name", [name for name in MESSAGES if name not in BATCHES])
def test_a_message_of_one_content_is_read_with_what_is_new_in_it(name: MessageType) -> None:
    if name is MessageType.EVENTS:
        events = read_events(newer(name))
        assert [event.type for event in events] == [
            "csms.transaction.reinterpreted.v1",
            "csms.transaction.started.v1",
        ]
    else:
        assert isinstance(MESSAGES[name].model_validate_json(newer(name)), MESSAGES[name])


def test_a_value_that_was_added_later_is_kept_as_it_was_sent() -> None:
    claims = read_batch(
        ClaimReplyBatch, MessageType.CLAIM_REPLIES, newer(MessageType.CLAIM_REPLIES)
    )
    assert [reply.outcome for reply in claims.items] == [
        "quarantined_certificate",
        ClaimOutcome.ACCEPTED,
    ]
    assert isinstance(claims.items[1].outcome, ClaimOutcome)
    controls = read_batch(ControlBatch, MessageType.CONTROLS, newer(MessageType.CONTROLS))
    assert controls.items[0].kind == "freeze"
    reports = read_batch(
        CommandReportBatch, MessageType.COMMAND_REPORTS, newer(MessageType.COMMAND_REPORTS)
    )
    assert reports.items[0].outcome == "deferred"
    assert orjson.loads(reports.model_dump_json())["items"][0]["outcome"] == "deferred"


def test_one_unknown_outcome_costs_none_of_499_good_replies() -> None:
    good = [
        {"connection_id": f"c{number}", "outcome": "accepted", "epoch": 1} for number in range(499)
    ]
    body = orjson.dumps({"items": [*good, {"connection_id": "c499", "outcome": "added_later"}]})
    read = read_batch(ClaimReplyBatch, MessageType.CLAIM_REPLIES, body)
    assert len(read.items) == 500


@pytest.mark.parametrize(
    "body",
    [b"", b"no JSON", b"\xff", b"5", b"[]", b"null", b"{}", b'{"items": 5}', b'{"items": {}}'],
)
@pytest.mark.parametrize("name", BATCHES)
def test_a_body_that_is_no_batch_is_unreadable_and_nothing_worse(
    name: MessageType, body: bytes
) -> None:
    with pytest.raises(UnreadableMessage):
        read_batch(batch_of(name), name, body)
    assert read_events(body) == []


@pytest.mark.parametrize("name", [MessageType.COMMANDS, MessageType.REQUEST])
def test_what_is_answered_where_nothing_can_be_sent_is_no_message(name: MessageType) -> None:
    document = orjson.loads((SAMPLES / f"{name}.json").read_bytes())
    for key, can_be_sent_to in (("k" * 255, True), ("k" * 256, False), ("é" * 128, False)):
        body = orjson.dumps({**document, "reply_key": key})
        if can_be_sent_to:
            assert read_batch(batch_of(name), name, body).items
        else:
            with pytest.raises(UnreadableMessage):
                read_batch(batch_of(name), name, body)

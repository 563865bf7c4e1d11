"""What every message between services is: a batch of items under a contract's name."""

from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from csms_shared.values.routing_keys import is_routing_key


class Contract(BaseModel):
    """A message or a part of one; unknown fields are ignored, so that fields can be added."""

    model_config = ConfigDict(extra="ignore")


Named = TypeVar("Named")

Open = Annotated[Named | str, Field(union_mode="left_to_right")]
"""One of the values that this version knows, or the text of one that a newer version has added.

For what is read from messages. What people send, and parameters, are refused instead.
"""


def _routing_key(key: str) -> str:
    if not is_routing_key(key):
        raise ValueError("nothing can be sent there")
    return key


ReplyKey = Annotated[str, AfterValidator(_routing_key)]
"""Where an answer goes: a message that names a place to which nothing can be sent is none."""

Item = TypeVar("Item", bound=Contract)


class Batch(Contract, Generic[Item]):
    """One AMQP message: never empty, at most 500 items or 256 KiB, a single item up to 2 MiB.

    The body of every work-queue message has its items under `items`, so that a redelivered batch
    can be split without knowing its contract.
    """

    items: list[Item]


BATCH_MAX_ITEMS = 500
BATCH_MAX_BYTES = 256 * 1024

"""Items of messages as contracts, each with the envelope it came in."""

from collections.abc import Container, Iterator, Sequence
from typing import TypeVar

from csms_shared.contracts.envelope import Contract
from csms_shared.service.completed_commands import key_of_end
from csms_shared.service.inbox import Work

Item = TypeVar("Item", bound=Contract)


def in_time(works: Sequence[Work], now_ms: int) -> list[Work]:
    """Return the works whose sender, as far as it said until when it waits, still does."""
    return [work for work in works if (work.envelope.get("deadline_ms") or now_ms + 1) > now_ms]


def parsed(works: Sequence[Work], contract: type[Item]) -> Iterator[tuple[Work, Item]]:
    """Yield each work with its item.

    Raises:
        ValidationError: an item does not meet its contract.
    """
    for work in works:
        yield work, contract.model_validate(work.item)


def stations_of_items(works: Sequence[Work]) -> set[str]:
    """Return whose items these are."""
    return {str(work.item["station_id"]) for work in works}


def stations_of_commands(works: Sequence[Work], wanted: Container[tuple[str, str]]) -> set[str]:
    """Return the stations of commands of a (version, action), of events of any kind and form."""
    told = [event.get("data") for work in works for event in work.item if isinstance(event, dict)]
    return {
        str(data.get("station_id"))
        for data in told
        if isinstance(data, dict) and key_of_end(data) in wanted
    }

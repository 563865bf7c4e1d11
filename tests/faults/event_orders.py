"""I9: the orders in which events are stored and told, each of which finds what goes against it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tests.faults.event_stream import Told
from tests.faults.event_tap import EventKey, EventTap
from tests.faults.violations import Violation

_SHOWN = 10
_CONNECTOR = "csms.connector.status_changed.v1"
_STARTED, _STOPPED = "csms.transaction.started.v1", "csms.transaction.stopped.v1"


def key_of(event: dict[str, Any]) -> EventKey:
    """Return what readers drop duplicates by."""
    return event["source"], event["id"]


def not_stored_once(
    committed: set[EventKey], stored: Sequence[Told], after: int
) -> list[Violation]:
    """Hold what the store has behind a position against what was committed since."""
    times = Counter(key_of(event) for _, event in stored)
    texts = [f"committed and not stored: {key}" for key in sorted(committed - times.keys())][
        :_SHOWN
    ]
    texts += [f"stored {count} times: {key}" for key, count in times.items() if count > 1][:_SHOWN]
    positions = [position for position, _ in stored]
    if positions != list(range(after + 1, after + 1 + len(positions))):
        texts.append(f"positions behind {after} have gaps, or come twice")
    return _violations(texts)


def not_as_stored(reader: str, told: Sequence[Told], stored: Sequence[Told]) -> list[Violation]:
    """Hold what a reader was told, in its order, against what the store has."""
    texts = []
    for number, (one, other) in enumerate(zip(told, stored, strict=False)):
        if one != other:
            texts.append(f"{reader}: {one[0]} where {other[0]} comes, as number {number}")
            break
    if len(told) != len(stored):
        texts.append(f"{reader}: {len(told)} events instead of {len(stored)}")
    return _violations(texts)


def not_told_publicly(tap: EventTap, stored: Sequence[Told]) -> list[Violation]:
    """Hold all copies that came on the public exchange against what the store has."""
    texts = []
    for position, event in stored:
        wanted = {**event, "position": str(position)}
        copies = tap.events.get(key_of(event), [])
        if not copies:
            texts.append(f"stored at {position} and not told: {key_of(event)}")
        elif any(copy != wanted for copy in copies):
            texts.append(f"told otherwise than stored: {key_of(event)}")
    return _violations(texts)


def told_out_of_order(tap: EventTap, after: int) -> list[Violation]:
    """Find subjects whose events, by their first copies, came publicly against their positions."""
    newest: defaultdict[tuple[str, str], int] = defaultdict(int)
    texts = []
    for copies in tap.events.values():  # in the order in which the first copies came
        first = copies[0]
        position, subject = int(first["position"]), (first["tenantid"], first["subject"])
        if position > after and position < newest[subject]:
            texts.append(f"{key_of(first)} of {subject} came after position {newest[subject]}")
        newest[subject] = max(newest[subject], position)
    return _violations(texts)


def stored_out_of_order(stored: Iterable[Told]) -> list[Violation]:
    """Find stations whose story the positions tell against its course.

    No transaction stops before it has started, and a connector's states are those of calls that
    its station sent one after the other, by (epoch, seq). Of other events nothing of the kind is
    promised: boots, and what concerns several connectors, are handled beside each other.
    """
    stopped: dict[tuple[str, int], int] = {}
    newest: dict[tuple[str, int], tuple[int, int]] = {}
    texts = []
    for position, event in stored:
        subject, data = event["subject"], event["data"]
        if event["type"] == _STOPPED:
            stopped[subject, data["transaction_id"]] = position
        elif event["type"] == _STARTED and (subject, data["transaction_id"]) in stopped:
            texts.append(f"transaction {data['transaction_id']} starts at {position}, stopped")
        elif event["type"] == _CONNECTOR:
            connector, stamp = (subject, data["connector_id"]), (data["epoch"], data["seq"])
            if stamp <= newest.get(connector, (-1, -1)):
                texts.append(f"connector {connector} goes back to {stamp} at {position}")
            newest[connector] = stamp
    return _violations(texts)


def _violations(texts: Iterable[str]) -> list[Violation]:
    return [Violation("I9", text) for text in list(texts)[:_SHOWN]]

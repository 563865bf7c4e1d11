"""Events in groups, each of one kind, without a change of the order of any one subject's."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

Kind = TypeVar("Kind", bound=Hashable)
Subject = TypeVar("Subject", bound=Hashable)
Item = TypeVar("Item")


def groups_in_order(
    events: Iterable[tuple[Kind, Subject, Item]],
) -> list[tuple[Kind, list[Item]]]:
    """Group events, given as (kind, subject, event): as few groups as a short look finds.

    Read group by group, the events of each subject come in the order in which they were given. An
    event joins the last group of its kind, unless one of its subject is in a later group already.
    """
    groups: list[tuple[Kind, list[Item]]] = []
    latest: dict[Kind, int] = {}
    of_subject: dict[Subject, int] = {}
    for kind, subject, event in events:
        number = latest.get(kind, -1)
        if number < of_subject.get(subject, 0):
            number = latest[kind] = len(groups)
            groups.append((kind, []))
        groups[number][1].append(event)
        of_subject[subject] = number
    return groups

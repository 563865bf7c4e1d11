"""Events of each subject keep their order, in few groups."""

from collections import Counter
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from csms_shared.contracts.event_order import groups_in_order

_EVENTS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=60)


@given(_EVENTS)
def test_every_event_is_there_once_among_its_kind_and_in_the_order_of_its_subject(
    told: list[tuple[str, str]],
) -> None:
    groups = groups_in_order((kind, subject, n) for n, (kind, subject) in enumerate(told))
    read = [n for _, group in groups for n in group]
    assert sorted(read) == [*range(len(told))]
    assert all(told[n][0] == kind for kind, group in groups for n in group)
    for subject in "xyz":
        own = [n for n in read if told[n][1] == subject]
        assert own == sorted(own)


@given(_EVENTS)
def test_a_group_costs_a_kind_or_a_change_of_kind_of_a_subject(told: list[tuple[str, str]]) -> None:
    groups = groups_in_order((kind, subject, None) for kind, subject in told)
    assert all(group for _, group in groups)
    changes = sum(
        len([*groupby(kind for kind, of in told if of == subject)]) - 1
        for subject in {of for _, of in told}
    )
    assert len(groups) <= len({kind for kind, _ in told}) + changes


def test_a_fleet_that_does_the_same_at_once_takes_a_group_for_each_step() -> None:
    steps = ("connected", "booted", "started")
    told = [(step, str(station), 0) for station in range(100) for step in steps]
    groups = groups_in_order(told)
    assert [kind for kind, _ in groups] == [*steps]
    assert Counter(kind for kind, group in groups for _ in group) == dict.fromkeys(steps, 100)

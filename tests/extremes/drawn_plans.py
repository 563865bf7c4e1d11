"""Combinations of extremes that hypothesis draws: calls, commands with their answers, requests."""

from dataclasses import dataclass

from hypothesis import strategies as st

from csms_simulator.sample_payloads import CENTRAL_SYSTEM_CALLS, STATION_CALLS
from tests.extremes.extreme_values import ALL
from tests.extremes.rest_requests import Case
from tests.extremes.valid_payloads import (
    Place,
    command,
    places,
    replaced,
    station_answer,
    station_call,
)


@dataclass(frozen=True, slots=True)
class Call:
    """What a station sends; `likely` to find something."""

    action: str
    payload: object
    likely: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """What an operator sends, and what the station answers."""

    action: str
    payload: object
    answer: object


Step = Call | Command | Case


def plans(cases: list[Case]) -> st.SearchStrategy[list[Step]]:
    """Draw what happens one after another."""
    step: st.SearchStrategy[Step] = st.one_of(
        st.sampled_from(sorted(STATION_CALLS)).flatmap(_call),
        st.sampled_from(sorted(CENTRAL_SYSTEM_CALLS)).flatmap(_command),
        st.sampled_from(cases),
    )
    return st.lists(step, min_size=10, max_size=20)


def _call(action: str) -> st.SearchStrategy[Step]:
    return _spoilt(station_call(action), 1, 3).map(lambda payload: Call(action, payload))


def _command(action: str) -> st.SearchStrategy[Step]:
    return st.builds(
        Command,
        st.just(action),
        _spoilt(command(action), 0, 2),
        _spoilt(station_answer(action), 0, 2),
    )


def _spoilt(document: object, least: int, most: int) -> st.SearchStrategy[object]:
    changes = st.tuples(st.sampled_from(list(places(document))), st.sampled_from(ALL))
    return st.lists(changes, min_size=least, max_size=most).map(
        lambda drawn: _changed(document, drawn)
    )


def _changed(document: object, changes: list[tuple[Place, object]]) -> object:
    for place, value in changes:
        try:
            document = replaced(document, place, value)
        except (KeyError, IndexError, TypeError):
            continue  # what was changed before has no such place any more
    return document

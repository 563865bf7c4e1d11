"""A station that loses, repeats and refuses what it likes ends with the wanted list."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms_shared.ocpp.versions import OCPP16
from csms_shared.ocpp.writing import written
from session_service.local_lists.domain.answers import (
    CHECKS_APART,
    LOOK_AGAIN,
    begun_again,
    connected,
    in_sync,
    somebody_sent,
    told_limits,
    told_result,
    told_version,
    without_answer,
)
from session_service.local_lists.domain.lists import (
    Ask,
    Content,
    Limits,
    LocalList,
    Result,
    Stage,
    Update,
    asked_for_facts,
    asked_to_update,
    next_question,
    next_update,
)
from session_service.ocpp.v16.local_lists import digest_of, wanted_update

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def content(*names: str, group: str | None = None) -> dict[str, dict[str, Any]]:
    info = {"status": "Accepted"} | ({} if group is None else {"parentIdTag": group})
    return {name.lower(): {"idTag": name, "idTagInfo": info} for name in names}


def entries_of(update: Update) -> list[dict[str, Any]]:
    """Return the entries as a station gets them."""
    call = written(OCPP16, wanted_update(update))
    assert call is not None
    return list(call[1]["localAuthorizationList"])


@dataclass
class Station:
    """Applies updates as 5.15 and 6.41 say; versions only matter for differential ones."""

    entries: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    per_message: int = 3

    def take(self, update: Update) -> Result:
        assert update.version > 0
        assert len(entries_of(update)) <= self.per_message
        names = [entry["idTag"].lower() for entry in entries_of(update)]
        assert len(names) == len(set(names)), "no duplicates are allowed"
        if update.full:
            assert all("idTagInfo" in entry for entry in entries_of(update))
            self.entries = {}
        elif update.version <= self.version:
            return Result.VERSION_MISMATCH
        for entry in entries_of(update):
            if "idTagInfo" in entry:
                self.entries[entry["idTag"].lower()] = entry
            else:
                self.entries.pop(entry["idTag"].lower(), None)
        self.version = update.version
        return Result.ACCEPTED


@dataclass
class Suite:
    """One station's list as the service keeps it, and the contents that it remembers."""

    state: LocalList = field(default_factory=lambda: LocalList(next_at=NOW))
    contents: dict[str, Content] = field(default_factory=lambda: {digest_of({}): {}})
    now: datetime = NOW

    def ask(self, wanted: Content) -> tuple[Ask | None, Update | None]:
        question = next_question(self.state, digest_of(wanted), self.now)
        if question is None:
            return None, None
        if question is not Ask.LIST:
            self.state = asked_for_facts(self.state, question, self.now)
            return question, None
        known = self.state.known_digest and self.contents[self.state.known_digest]
        update = next_update(self.state, known or None, wanted)
        self.contents[digest_of(update.content)] = update.content
        self.state = asked_to_update(
            self.state, update, digest_of(update.content), digest_of(wanted), self.now
        )
        return question, update


def exchange(suite: Suite, station: Station, wanted: Content, fate: str) -> bool:
    """Do one step; tell whether there was anything to do."""
    question, update = suite.ask(wanted)
    if question is None:
        return False
    reaches = fate in ("ok", "answer lost", "repeated")
    answer = Result.ACCEPTED
    if update is not None and reaches:
        answer = station.take(update)
        if fate == "repeated":
            answer = station.take(update)
    elif update is not None and fate == "half applied":
        for entry in entries_of(update)[::2]:
            if "idTagInfo" in entry:
                station.entries[entry["idTag"].lower()] = entry
        answer = Result.FAILED
    lost = {"answer lost": Result.UNKNOWN, "lost": Result.UNKNOWN, "away": Result.AWAY}
    result = lost.get(fate, Result.FAILED if fate in ("failed", "half applied") else answer)
    version = station.version if result is Result.ACCEPTED else None
    match question:
        case Ask.LIMITS:
            limits = Limits(max_per_message=station.per_message)
            suite.state = told_limits(suite.state, Result.ACCEPTED, limits, suite.now)
        case Ask.VERSION:
            suite.state = told_version(suite.state, result, version, suite.now)
        case Ask.LIST if fate == "lost" and suite.now.minute % 2:
            suite.state = without_answer(suite.state, suite.now)
        case Ask.LIST:
            suite.state = told_result(suite.state, result, suite.now)
    return True


def settle(suite: Suite, station: Station, wanted: Content) -> None:
    suite.state = begun_again(suite.state, suite.now)
    for _ in range(60):
        while exchange(suite, station, wanted, "ok"):
            pass
        if station.entries == dict(wanted) and suite.state.known_digest == digest_of(wanted):
            assert suite.state.known_version == station.version
            return
        suite.now += timedelta(hours=1)
    raise AssertionError("never in step")


names = st.sampled_from([f"T{number}" for number in range(9)])
wishes = st.builds(
    lambda chosen, group: content(*chosen, group=group),
    st.lists(names, unique=True),
    st.sampled_from([None, "G"]),
)
fates = st.sampled_from(
    ["ok", "ok", "ok", "lost", "answer lost", "repeated", "failed", "half applied", "away"]
)
mishaps = st.sampled_from(["none", "none", "wiped", "somebody", "reconnected", "replaced"])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(wishes, st.lists(st.tuples(fates, mishaps), max_size=8)), max_size=6))
def test_the_station_ends_with_the_wanted_list(
    history: list[tuple[Content, list[tuple[str, str]]]],
) -> None:
    suite, station = Suite(), Station()
    wanted: Content = {}
    for wanted, events in history:
        for fate, mishap in events:
            suite.now += timedelta(minutes=7)
            exchange(suite, station, wanted, fate)
            match mishap:
                case "wiped":
                    station.entries, station.version = {}, 0
                    suite.state = connected(suite.state, suite.now, suite.now)
                case "replaced":
                    station.entries, station.version = content("X"), station.version + 40
                case "somebody":
                    station.entries, station.version = content("Y"), station.version + 1
                    suite.state = somebody_sent(suite.state, station.version)
                case "reconnected":
                    suite.state = connected(suite.state, suite.now, suite.now)
    settle(suite, station, wanted)


@given(wishes, wishes)
def test_from_one_list_to_another_only_differences_are_sent(first: Content, then: Content) -> None:
    suite, station = Suite(), Station(per_message=500)
    settle(suite, station, first)
    suite.now += timedelta(hours=1)
    suite.state = in_sync(suite.state, suite.now - LOOK_AGAIN)
    _, update = suite.ask(then)
    if first == then:
        assert update is None
    elif first:
        assert update is not None
        assert not update.full
        kept = [key for key in then if first.get(key) == then[key]]
        assert len(entries_of(update)) == len(set(first) | set(then)) - len(kept)


def ready(**changes: Any) -> LocalList:
    held = content("A")
    values: dict[str, Any] = {
        "stage": Stage.READY,
        "known_version": 4,
        "known_digest": digest_of(held),
    }
    return LocalList(**(values | {"last_version": 4, "next_at": NOW} | changes))


@pytest.mark.parametrize("result", [Result.FAILED, Result.VERSION_MISMATCH])
def test_after_a_refused_update_a_full_list_follows(result: Result) -> None:
    update = next_update(ready(), content("A"), content("B"))
    state = told_result(
        asked_to_update(ready(), update, digest_of(update.content), "x", NOW), result, NOW
    )
    state = told_version(state, Result.ACCEPTED, 9, NOW)
    assert next_question(state, digest_of(content("B")), NOW) is Ask.LIST
    again = next_update(state, None, content("B"))
    assert (again.full, again.version) == (True, 10)


def test_failures_are_bounded_and_a_person_can_begin_again() -> None:
    state, times = ready(), 0
    while state.next_at is not None:
        at = max(NOW, state.next_at)
        question = next_question(state, "wanted", at)
        if question is Ask.VERSION:
            state = told_version(state, Result.ACCEPTED, 3, at)
            continue
        times += 1
        assert question is Ask.LIST
        state = told_result(state, Result.FAILED, at)
    assert (times, state.has_given_up) == (5, True)
    assert next_question(begun_again(state, NOW), "wanted", NOW) is Ask.LIMITS


@pytest.mark.parametrize(
    "state",
    [
        told_version(ready(), Result.ACCEPTED, -1, NOW),
        told_version(ready(), Result.NOT_SUPPORTED, None, NOW),
        told_result(ready(), Result.NOT_SUPPORTED, NOW),
    ],
)
def test_a_station_without_lists_is_left_alone(state: LocalList) -> None:
    assert not state.supported
    assert next_question(state, "wanted", NOW + timedelta(days=9)) is None


def test_deletions_go_first_and_a_long_list_in_parts() -> None:
    state = ready(max_per_message=2)
    held, wanted = content("A", "B", "C"), content("D", "C")
    update = next_update(state, held, wanted)
    assert [("idTagInfo" in entry, entry["idTag"]) for entry in entries_of(update)] == [
        (False, "A"),
        (False, "B"),
    ]
    full = next_update(state, None, content("A", "B", "C"))
    assert (full.full, len(entries_of(full))) == (True, 2)


def test_versions_begin_again_with_a_full_list_when_they_run_out() -> None:
    state = ready(last_version=2**31 - 1)
    update = next_update(state, content("A"), content("B"))
    assert (update.full, update.version) == (True, 1)


def test_a_station_that_lost_its_list_and_is_to_hold_nothing_is_left_alone() -> None:
    state = told_version(ready(), Result.ACCEPTED, 0, NOW)
    assert next_question(state, digest_of({}), NOW) is None


def test_changes_within_a_minute_go_together() -> None:
    update = next_update(ready(), content("A"), content("B"))
    sent = asked_to_update(ready(), update, digest_of(update.content), digest_of(content("B")), NOW)
    state = told_result(sent, Result.ACCEPTED, NOW)
    assert next_question(state, digest_of(content("C")), NOW) is None
    assert next_question(state, digest_of(content("C")), NOW + LOOK_AGAIN) is Ask.LIST


def test_a_station_that_connects_again_and_again_is_not_asked_each_time() -> None:
    at = NOW + timedelta(seconds=9)
    state = connected(told_version(ready(), Result.ACCEPTED, 4, NOW), at, at)
    assert next_question(state, "wanted", NOW + timedelta(minutes=1)) is None
    assert next_question(state, "wanted", NOW + CHECKS_APART) is Ask.VERSION


@pytest.mark.parametrize("told_first", [True, False])
def test_an_update_to_a_station_that_came_back_unasked_is_not_trusted(told_first: bool) -> None:
    state = told_version(ready(), Result.ACCEPTED, 4, NOW)
    update = next_update(state, content("A"), content("A", "B"))
    back, later = NOW + timedelta(seconds=5), NOW + timedelta(seconds=9)
    state = asked_to_update(state, update, digest_of(update.content), "x", NOW)
    if told_first:
        state = connected(state, back, later)
        state = told_result(state, Result.ACCEPTED, later)
    else:
        state = told_result(state, Result.ACCEPTED, later)
        state = connected(state, back, later)
    state = told_version(state, Result.ACCEPTED, update.version, later)
    assert state.known_digest is None

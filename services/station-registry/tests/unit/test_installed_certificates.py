"""What is known of a station's store is the same in whatever order its answers are seen."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from station_registry.certificates.domain.authority import new_authority
from station_registry.certificates.domain.details import hash_data, pem_of
from station_registry.certificates.domain.installed import (
    LISTED_MOST,
    TYPES,
    StoreState,
    apply_answers,
)
from station_registry.ocpp.v16.certificates import DELETE, INSTALL, LIST, read_store_answer

ROOTS = [
    new_authority(ec.generate_private_key(ec.SECP256R1()), name, utc_now()).certificate
    for name in ("One", "Two")
]
EMPTY = StoreState({}, {})
START = datetime(2026, 11, 21, tzinfo=UTC)


def command(
    action: str, payload: dict[str, Any], response: dict[str, Any] | None, at_s: int
) -> CompletedCommand:
    moment = format_time(START + timedelta(seconds=at_s))
    return CompletedCommand(
        command_id=uuid.UUID(int=at_s),
        station_id="A",
        action=action,
        payload=payload,
        status="completed",
        response=response,
        created_by="admin",
        created_at=moment,
        completed_at=moment,
        deadline=moment,
    )


def apply_commands(state: StoreState, commands: Iterable[CompletedCommand]) -> StoreState:
    answers = [read_store_answer(command) for command in commands]
    return apply_answers(state, [answer for answer in answers if answer is not None])


def hashes_of(number: int, algorithm: str = "SHA256") -> dict[str, str]:
    data = hash_data(ROOTS[number], None, algorithm)
    assert data is not None
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": data.issuer_name_hash.upper(),
        "issuerKeyHash": data.issuer_key_hash,
        "serialNumber": f"0{data.serial_number.lower()}",
    }


def install(number: int, at_s: int, status: str = "Accepted") -> CompletedCommand:
    payload = {"certificateType": TYPES[0], "certificate": pem_of([ROOTS[number]])}
    return command(INSTALL, payload, {"status": status}, at_s)


def delete(number: int, at_s: int, status: str = "Accepted") -> CompletedCommand:
    return command(DELETE, {"certificateHashData": hashes_of(number)}, {"status": status}, at_s)


def listing(numbers: list[int], at_s: int, algorithm: str = "SHA256") -> CompletedCommand:
    response: dict[str, Any] = {"status": "Accepted" if numbers else "NotFound"}
    if numbers:
        response["certificateHashData"] = [hashes_of(one, algorithm) for one in numbers]
    return command(LIST, {"certificateType": TYPES[0]}, response, at_s)


def present(state: StoreState) -> set[str]:
    return {
        one.certificate.subject if one.certificate else one.hash_data.serial_number
        for one in state.certificates.values()
        if one.present
    }


ONE, TWO = (root.subject.rfc4514_string() for root in ROOTS)


def test_an_installed_root_is_there_until_it_is_deleted() -> None:
    state = apply_commands(EMPTY, [install(0, 1), install(1, 2)])
    assert present(state) == {ONE, TWO}
    assert present(apply_commands(state, [delete(0, 3)])) == {TWO}
    assert present(apply_commands(state, [delete(0, 3, "Failed")])) == {ONE, TWO}
    assert present(apply_commands(state, [delete(0, 3, "NotFound")])) == {TWO}


def test_a_refused_or_unreadable_root_changes_nothing() -> None:
    unreadable = command(
        INSTALL, {"certificateType": TYPES[0], "certificate": "x"}, {"status": "Accepted"}, 2
    )
    assert present(apply_commands(EMPTY, [install(0, 1, "Rejected"), unreadable])) == set()


def test_a_listing_replaces_what_was_known_and_keeps_the_stations_algorithm() -> None:
    state = apply_commands(EMPTY, [install(0, 1), install(1, 2), listing([1], 3, "SHA384")])
    assert present(state) == {TWO}
    (one,) = [one for one in state.certificates.values() if one.present]
    assert one.hash_data.hash_algorithm == "SHA384"
    assert present(apply_commands(state, [listing([], 4)])) == set()


def test_a_listing_without_bounds_is_cut() -> None:
    shown = [{**hashes_of(0), "serialNumber": f"{number:X}"} for number in range(1, 1000)]
    response = {"status": "Accepted", "certificateHashData": shown}
    many = command(LIST, {"certificateType": TYPES[0]}, response, 1)
    assert len(apply_commands(EMPTY, [many]).certificates) == LISTED_MOST


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("install"), st.integers(0, 1)),
        st.tuples(st.just("delete"), st.integers(0, 1)),
        st.tuples(st.just("list"), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=300)
@given(steps=STEPS, data=st.data())
def test_any_order_and_repetition_of_answers_ends_in_the_same_store(
    steps: list[tuple[str, int]], data: st.DataObject
) -> None:
    held: set[int] = set()
    commands = []
    for at_s, (kind, number) in enumerate(steps, 1):
        if kind == "install":
            held.add(number)
            commands.append(install(number, at_s))
        elif kind == "delete":
            held.discard(number)
            commands.append(delete(number, at_s))
        else:
            held = {one for one in (0, 1) if number >> one & 1}
            commands.append(listing(sorted(held), at_s))
    shuffled = data.draw(st.permutations(commands + commands[:2]))
    state = EMPTY
    for one in shuffled:
        state = apply_commands(state, [one])
    serials = {one.hash_data.serial_number for one in state.certificates.values() if one.present}
    assert serials == {f"{ROOTS[one].serial_number:X}" for one in held}

"""A certificate on its way: what each end of its commands means, in whatever order it is seen."""

import itertools
import uuid
from typing import Any, Literal

import pytest

from csms_shared.contracts.orders import CommandError, CompletedCommand
from station_registry.certificates.domain.deliveries import (
    ATTEMPTS,
    DELIVERIES,
    Delivery,
    RequestStatus,
    decide_delivery,
    pause_s,
    what_went_wrong,
)
from station_registry.ocpp.v16.certificates import outcome_of, read_delivery

S = RequestStatus
TIME = "2026-11-21T02:00:00.000Z"


def end(
    status: Literal["completed", "error", "station_offline", "expired", "outcome_unknown"],
    **more: Any,
) -> CompletedCommand:
    return CompletedCommand(
        command_id=uuid.UUID(int=1),
        station_id="A",
        action="CertificateSigned",
        payload={},
        status=status,
        created_by="station-registry",
        created_at=TIME,
        completed_at=TIME,
        deadline=TIME,
        **more,
    )


@pytest.mark.parametrize(
    ("command", "meaning"),
    [
        (end("completed", response={"status": "Accepted"}), Delivery.INSTALLED),
        (end("completed", response={"status": "Rejected"}), Delivery.REFUSED),
        (end("completed", response={}), Delivery.REFUSED),
        (end("error", error=CommandError(code="NotSupported"), sent_at=TIME), Delivery.REFUSED),
        (end("error", error=CommandError(code="BUSY")), Delivery.NOT_SENT),
        (end("error", error=CommandError(code="UNKNOWN_STATION")), Delivery.NOT_SENT),
        (end("expired"), Delivery.NOT_SENT),
        (end("station_offline"), Delivery.NOT_SENT),
        (end("outcome_unknown"), Delivery.NOT_SENT),
    ],
)
def test_each_end_of_a_command_says_what_became_of_the_certificate(
    command: CompletedCommand, meaning: Delivery
) -> None:
    assert outcome_of(command) is meaning


@pytest.mark.parametrize(
    ("status", "command", "words"),
    [
        (
            S.REFUSED,
            end("completed", response={"status": "Rejected"}),
            "the station refused the certificate: it answered Rejected",
        ),
        (
            S.REFUSED,
            end("error", error=CommandError(code="NotSupported", description="no"), sent_at=TIME),
            "the station refused the certificate: it answered NotSupported: no",
        ),
        (
            S.UNDELIVERED,
            end("outcome_unknown"),
            "the certificate did not reach the station: outcome_unknown",
        ),
        (
            S.UNDELIVERED,
            end("error", error=CommandError(code="BUSY")),
            "the certificate did not reach the station: BUSY",
        ),
        (S.INSTALLED, end("completed", response={"status": "Accepted"}), None),
        (S.SIGNED, end("expired"), None),
    ],
)
def test_a_request_that_ends_without_its_certificate_says_who_said_no(
    status: RequestStatus, command: CompletedCommand, words: str | None
) -> None:
    assert what_went_wrong(status, read_delivery(command)) == words


def test_answers_end_in_the_same_state_in_any_order() -> None:
    for outcomes in itertools.chain.from_iterable(
        itertools.product(Delivery, repeat=length) for length in range(1, 4)
    ):
        ends = set()
        for order in itertools.permutations(outcomes):
            status = S.SIGNED
            for outcome in order:
                status = decide_delivery(status, DELIVERIES, outcome, current=True).status
            ends.add(status)
        assert len(ends) == 1, outcomes


def test_only_the_end_of_the_newest_order_asks_for_another() -> None:
    for deliveries in range(1, DELIVERIES):
        assert decide_delivery(S.SIGNED, deliveries, Delivery.NOT_SENT, current=True).again
        assert not decide_delivery(S.SIGNED, deliveries, Delivery.NOT_SENT, current=False).again
    last = decide_delivery(S.SIGNED, DELIVERIES, Delivery.NOT_SENT, current=True)
    assert (last.status, last.again) == (S.UNDELIVERED, False)


def test_pauses_between_attempts_grow_and_end() -> None:
    pauses = [pause_s(attempt) for attempt in range(1, ATTEMPTS + 1)]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, None]

"""Intents: written in each version's words, and read as they were."""

from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.orders import CommandOrder, order_of
from csms_shared.ocpp.actions import VERSIONS, find_command
from csms_shared.ocpp.intents import (
    AskForCertificate,
    CancelReservation,
    ChangeConfiguration,
    InstallSignedCertificate,
    Intent,
    ListedToken,
    ReadConfiguration,
    ReadLocalListLimits,
    ReadLocalListVersion,
    ReserveConnector,
    UpdateLocalList,
    read_intent,
)
from csms_shared.ocpp.schemas import validate_request
from csms_shared.ocpp.versions import OCPP16
from csms_shared.ocpp.writing import WRITERS, written
from csms_shared.values.numbers import INT32_MAX

AT = "2026-11-20T08:00:00Z"

_texts = st.text(min_size=1, max_size=20)
_times = st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0"))
_ids = st.integers(0, INT32_MAX)
_tokens = st.builds(
    ListedToken,
    id_token=_texts,
    expires_at=st.none() | _times,
    group_id=st.none() | _texts,
)
_EVERY: dict[Any, st.SearchStrategy[Any]] = {
    ReadConfiguration: st.builds(
        ReadConfiguration,
        keys=st.lists(st.text(max_size=50), unique=True, max_size=9).map(tuple),
    ),
    ChangeConfiguration: st.builds(
        ChangeConfiguration, key=st.text(max_size=50), value=st.text(max_size=500)
    ),
    InstallSignedCertificate: st.builds(
        InstallSignedCertificate, chain=st.text(min_size=1, max_size=10_000)
    ),
    AskForCertificate: st.just(AskForCertificate()),
    ReserveConnector: st.builds(
        ReserveConnector,
        reservation_id=_ids,
        connector_id=_ids,
        id_token=_texts,
        group_id=st.none() | _texts,
        expires_at=_times,
    ),
    CancelReservation: st.builds(CancelReservation, reservation_id=_ids),
    ReadLocalListLimits: st.just(ReadLocalListLimits()),
    ReadLocalListVersion: st.just(ReadLocalListVersion()),
    UpdateLocalList: st.builds(
        UpdateLocalList,
        version=st.integers(1, INT32_MAX),
        taken_off=st.lists(_texts, max_size=9).map(tuple),
        put_on=st.lists(_tokens, max_size=9).map(tuple),
    ),
}
EVERY_INTENT = st.one_of(*_EVERY.values())


def test_every_kind_of_intent_is_drawn() -> None:
    assert set(_EVERY) == set(get_args(get_args(Intent)[0]))


def test_every_version_that_is_served_has_a_writer() -> None:
    assert set(WRITERS) == set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
@given(intent=EVERY_INTENT)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_intent_is_a_valid_command_of_every_version(version: str, intent: Intent) -> None:
    call = written(version, intent)
    assert call is not None
    action, payload = call
    assert find_command(version, action) is not None
    assert validate_request(version, action, payload) is None


@given(intent=EVERY_INTENT)
def test_an_order_is_read_with_the_intent_and_the_call_that_it_was_made_of(intent: Intent) -> None:
    ordered = order_of(
        intent, order_id=new_command_id(0), station_id="S1", deadline_ms=1, created_by="registry"
    )
    read = CommandOrder.model_validate_json(ordered.model_dump_json())
    assert read == ordered
    assert (read.intent, read.ocpp_version) == (intent, OCPP16)
    assert (read.action, read.payload) == written(OCPP16, intent)
    assert read_intent(intent.model_dump(mode="json")) == intent


class OrderBefore(Contract):
    """An order as the release before intents reads it."""

    order_id: UUID
    station_id: str
    action: str
    payload: dict[str, Any]
    deadline_ms: int
    created_by: str


@given(intent=EVERY_INTENT)
def test_an_order_is_read_without_its_intent_by_the_release_before(intent: Intent) -> None:
    ordered = order_of(
        intent, order_id=new_command_id(0), station_id="S1", deadline_ms=1, created_by="registry"
    )
    read = OrderBefore.model_validate_json(ordered.model_dump_json())
    assert (read.action, read.payload) == written(OCPP16, intent)


def test_a_version_without_a_writer_has_no_words() -> None:
    assert written("ocpp99", AskForCertificate()) is None


@pytest.mark.parametrize(
    "document",
    [None, 5, {}, {"kind": "teleport_vehicle"}, {"kind": "cancel_reservation"}],
)
def test_an_intent_that_is_not_known_here_leaves_the_call_of_the_order(document: Any) -> None:
    ordered = order_of(
        AskForCertificate(),
        order_id=new_command_id(0),
        station_id="S1",
        deadline_ms=1,
        created_by="registry",
    )
    read = CommandOrder.model_validate({**ordered.model_dump(), "intent": document})
    assert read.intent is None
    assert (read.action, read.payload) == (ordered.action, ordered.payload)


@pytest.mark.parametrize(
    ("intent", "action", "payload"),
    [
        (ReadConfiguration(), "GetConfiguration", {}),
        (ReadConfiguration(keys=("A", "B")), "GetConfiguration", {"key": ["A", "B"]}),
        (
            ChangeConfiguration(key="A", value=""),
            "ChangeConfiguration",
            {"key": "A", "value": ""},
        ),
        (
            InstallSignedCertificate(chain="PEM"),
            "CertificateSigned",
            {"certificateChain": "PEM"},
        ),
        (
            AskForCertificate(),
            "ExtendedTriggerMessage",
            {"requestedMessage": "SignChargePointCertificate"},
        ),
        (
            ReserveConnector(reservation_id=7, connector_id=0, id_token="T", expires_at=AT),
            "ReserveNow",
            {"reservationId": 7, "connectorId": 0, "idTag": "T", "expiryDate": AT},
        ),
        (CancelReservation(reservation_id=7), "CancelReservation", {"reservationId": 7}),
        (
            ReadLocalListLimits(),
            "GetConfiguration",
            {"key": ["LocalAuthListMaxLength", "SendLocalListMaxLength"]},
        ),
        (ReadLocalListVersion(), "GetLocalListVersion", {}),
        (
            UpdateLocalList(
                version=3,
                full=False,
                taken_off=("Old",),
                put_on=(
                    ListedToken(id_token="T", status="accepted", expires_at=AT, group_id="G"),
                    ListedToken(id_token="U", status="concurrent_tx"),
                ),
            ),
            "SendLocalList",
            {
                "listVersion": 3,
                "updateType": "Differential",
                "localAuthorizationList": [
                    {"idTag": "Old"},
                    {
                        "idTag": "T",
                        "idTagInfo": {
                            "status": "Accepted",
                            "expiryDate": AT,
                            "parentIdTag": "G",
                        },
                    },
                    {"idTag": "U", "idTagInfo": {"status": "ConcurrentTx"}},
                ],
            },
        ),
    ],
)
def test_1_6_says_it_so(intent: Intent, action: str, payload: dict[str, Any]) -> None:
    assert written(OCPP16, intent) == (action, payload)

"""Tables of state and request, and what is decided on them."""

from typing import Any, TypeVar

import pytest

from csms_shared.contracts.read_calls import Call
from csms_shared.contracts.stations import ChangeStation, RegistrationStatus
from csms_shared.ocpp.credentials import fits_check, hash_proof
from csms_shared.ocpp.versions import OCPP16
from station_registry.availability.domain import ConnectorStatus, connector_status, decide_statuses
from station_registry.credentials.domain.password_hashes import (
    PREVIOUS_KEPT,
    CredentialMatch,
    Credentials,
    match,
    set_password,
)
from station_registry.credentials.domain.security_profiles import ProfileRules, Profiles
from station_registry.events import fact_of_call
from station_registry.ocpp import v16
from station_registry.ownership.domain.claims import admissible
from station_registry.provisioning.domain.boots import BootingStation, decide_boot
from station_registry.provisioning.domain.descriptions import Description
from station_registry.provisioning.domain.registration import (
    Policies,
    Standing,
    status_on_boot,
    status_on_creation,
)
from station_registry.stations.domain import ChangeDecision, decide_change
from station_registry.tenants.domain import StationQuota

ACCEPTED, PENDING, REJECTED = RegistrationStatus
Said = TypeVar("Said")


def _standing(**changed: Any) -> Standing:
    values: dict[str, Any] = {
        "status": PENDING,
        "decided": False,
        "auto_created": False,
        "boot_policy": None,
        "boot_count": 0,
        "heartbeat_interval_s": None,
        "strict": False,
    }
    return Standing(**{**values, **changed})


def _call(seq: int, value: Said) -> Call[Said]:
    return Call("A", "default", "c1", 1, seq, 0, 1_000, 11_000, OCPP16, None, 0.0, value)


@pytest.mark.parametrize(
    ("standing", "policies", "status"),
    [
        (_standing(), Policies(), ACCEPTED),
        (_standing(), Policies(boot="reject"), REJECTED),
        (_standing(boot_policy="pending"), Policies(), PENDING),
        (_standing(auto_created=True), Policies(unknown_stations="pending"), PENDING),
        (_standing(auto_created=True), Policies("reject", "accept"), ACCEPTED),
        (_standing(auto_created=True, boot_policy="reject"), Policies("accept"), REJECTED),
        (_standing(status=ACCEPTED, decided=True), Policies("reject"), ACCEPTED),
    ],
)
def test_a_boot_is_answered_by_the_nearest_policy(
    standing: Standing, policies: Policies, status: RegistrationStatus
) -> None:
    assert status_on_boot(standing, policies) is status


def test_an_operators_station_has_its_policys_status_at_once() -> None:
    statuses = [status_on_creation(p, Policies()) for p in (None, "accept", "pending", "reject")]
    assert statuses == [ACCEPTED, ACCEPTED, PENDING, REJECTED]


def test_a_boot_policy_lets_boots_decide_again_after_a_status_set_by_hand() -> None:
    by_hand = decide_change(
        _standing(),
        Profiles(),
        Description(),
        ChangeStation(
            station_id="A",
            set=frozenset({"registration_status"}),
            registration_status=ACCEPTED,
        ),
        ProfileRules(),
    )
    assert isinstance(by_hand, ChangeDecision)
    assert status_on_boot(by_hand.standing, Policies("reject")) is ACCEPTED
    again = decide_change(
        by_hand.standing,
        Profiles(),
        Description(),
        ChangeStation(station_id="A", set=frozenset({"boot_policy"}), boot_policy="reject"),
        ProfileRules(),
    )
    assert isinstance(again, ChangeDecision)
    assert status_on_boot(again.standing, Policies()) is REJECTED


def test_a_change_of_what_cannot_be_changed_names_the_field() -> None:
    wanted = ChangeStation(
        station_id="A", set=frozenset({"station_id", "strict", "exempt_from_limits", "tags"})
    )
    problem = decide_change(_standing(), Profiles(), Description(), wanted, ProfileRules())
    assert not isinstance(problem, ChangeDecision)
    names = [error.field for error in problem.errors]
    assert names == ["station_id", "strict", "exempt_from_limits", "tags"]


def test_any_proof_of_the_current_or_a_kept_password_fits() -> None:
    first = set_password(Credentials(), ["aa", "bb"], b"s" * 16, keep_previous=False)
    second = set_password(first, ["cc"], b"t" * 16, keep_previous=True)
    found = [match(second, proofs) for proofs in (["x", "CC"], ["bb"], ["x"], [])]
    assert found == [
        CredentialMatch.CURRENT,
        CredentialMatch.PREVIOUS,
        CredentialMatch.NONE,
        CredentialMatch.NONE,
    ]
    assert set_password(second, ["dd"], b"u" * 16, keep_previous=False).previous == ()


def test_proofs_are_stored_hashed_and_only_so_many_are_kept() -> None:
    credentials = Credentials()
    for number in range(30):
        salt = bytes([number]) * 16
        credentials = set_password(credentials, [f"{number}"], salt, keep_previous=number > 0)
    assert len(credentials.previous) == PREVIOUS_KEPT
    counting = [
        number
        for number in range(30)
        if match(credentials, [f"{number}"]) is not CredentialMatch.NONE
    ]
    assert counting == [0, *range(30 - PREVIOUS_KEPT, 30)]
    assert b"aa" not in hash_proof(b"s" * 16, "aa")


def test_the_checks_fit_every_password_that_counts_and_hardly_any_other() -> None:
    first = set_password(Credentials(), ["aa", "bb"], b"s" * 16, keep_previous=False)
    checks = set_password(first, ["cc"], b"t" * 16, keep_previous=True).checks
    assert all(any(fits_check(check, proof) for check in checks) for proof in ("aa", "BB", "cc"))
    wrong = sum(fits_check(check, f"{number}") for check in checks for number in range(2000))
    assert wrong <= 3


def test_unknown_stations_are_admitted_up_to_the_limit() -> None:
    roomy = StationQuota("default", 10, None, active=True)
    policies = Policies(unknown_stations="accept", max_unknown_stations=3)
    assert admissible(["b", "a", "c"], 1, policies, roomy) == ["a", "b"]
    assert admissible(["a"], 3, policies, roomy) == []
    assert admissible(["a"], 0, Policies(), roomy) == []


def test_unknown_stations_are_admitted_up_to_the_quota_of_an_active_tenant() -> None:
    policies = Policies(unknown_stations="accept", max_unknown_stations=3)
    nearly_full = StationQuota("north", 4, 5, active=True)
    assert admissible(["b", "a"], 0, policies, nearly_full) == ["a"]
    assert admissible(["a"], 0, policies, StationQuota("north", 6, 5, active=True)) == []
    assert admissible(["a"], 0, policies, StationQuota("north", 0, None, active=False)) == []
    assert admissible(["a"], 0, policies, None) == []


def test_a_rejected_boot_is_not_asked_to_wait_longer_than_the_heartbeat() -> None:
    station = BootingStation("A", _standing(heartbeat_interval_s=20, boot_policy="reject"), (0, 0))
    decision = decide_boot(station, (1, 1), Policies(), 0)
    assert v16.provisioning.write_boot_answer(decision.answer) == {
        "currentTime": "1970-01-01T00:00:00.000Z",
        "interval": 20,
        "status": "Rejected",
    }


def test_an_empty_vendor_is_kept_as_sent() -> None:
    device = v16.provisioning.read_boot({"chargePointVendor": "", "chargePointModel": "M"})
    assert (device.vendor, device.serial_number) == ("", None)


def test_changes_on_the_way_to_the_newest_status_are_told_in_order() -> None:
    def status(seq: int, shown: str) -> tuple[tuple[str, int], ConnectorStatus]:
        return ("A", 1), ConnectorStatus(
            1, shown, "NoError", None, None, None, None, 1, seq, "c1", 1_000
        )

    reported = [status(3, "Charging"), status(1, "Available"), status(2, "Preparing")]
    decision = decide_statuses({}, reported)
    assert [change.status for _, change in decision.changes] == [
        "Available",
        "Preparing",
        "Charging",
    ]
    assert decide_statuses(decision.newest, reported).newest == {}
    assert [key for key, _ in decision.added] == [key for key in decision.newest if key[1] > 0]
    assert decide_statuses(decision.newest, reported).added == []


def test_a_connector_goes_out_of_service_once_until_it_serves_again() -> None:
    def status(seq: int, shown: str) -> tuple[tuple[str, int], ConnectorStatus]:
        return ("A", 1), ConnectorStatus(
            1, shown, "NoError", None, None, None, None, 1, seq, "c1", 1_000
        )

    shown = ["Reserved", "Faulted", "Unavailable", "Available", "Unavailable"]
    decision = decide_statuses({}, [status(seq, each) for seq, each in enumerate(shown, start=1)])
    assert [told.seq for _, told in decision.out_of_service] == [2, 5]
    again = decide_statuses(decision.newest, [status(6, "Faulted")])
    assert (len(again.changes), again.out_of_service) == (1, [])


def test_unknown_error_codes_are_kept_and_told_apart_beside_the_same_code_of_the_vendor() -> None:
    reported = [
        connector_status(
            _call(
                seq,
                v16.availability.read_status(
                    {
                        "connectorId": 1,
                        "status": "Faulted",
                        "errorCode": code,
                        "vendorErrorCode": "E42",
                    }
                ),
            )
        )
        for seq, code in enumerate(["Error", "Error2"], start=1)
    ]
    changes = decide_statuses({}, reported).changes
    assert [(told.error_code, told.vendor_error_code) for _, told in changes] == [
        ("Error", "E42"),
        ("Error2", "E42"),
    ]


def test_the_same_call_makes_the_same_event_id_and_another_type_another() -> None:
    ids = [fact_of_call(key, _call(1, None))[1].id for key in ("a.b", "a.b", "a.c")]
    assert ids[0] == ids[1] != ids[2]

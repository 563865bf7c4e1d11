"""With which security profile a station may connect (security whitepaper, 2.1 and A05)."""

import base64
import datetime
import hashlib
from itertools import permutations
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.contracts.ownership import ClaimOutcome
from csms_shared.contracts.requests import Problem
from station_registry.credentials.domain.client_certificates import (
    ClientCertificate,
    fingerprint_of,
    read_certificate,
)
from station_registry.credentials.domain.password_hashes import Credentials, set_password
from station_registry.credentials.domain.security_profiles import (
    Judgement,
    Presented,
    ProfileRules,
    Profiles,
    accepted,
    connected_with,
    declined,
    judge,
    offered,
)

NOW = 1_790_000_000.0
RULES = ProfileRules(operator_name="Operator")
PASSWORD = set_password(Credentials(), ["aa"], b"s" * 16, keep_previous=False)
NONE = Credentials()
OK = ClaimOutcome.ACCEPTED
WRONG_PROFILE = ClaimOutcome.WRONG_SECURITY_PROFILE
BAD_PASSWORD = ClaimOutcome.BAD_CREDENTIALS
BAD_CERTIFICATE = ClaimOutcome.BAD_CERTIFICATE


def _certificate(**changed: Any) -> ClientCertificate:
    values: dict[str, Any] = {
        "common_names": ("A",),
        "organizations": ("Operator",),
        "valid_from_s": NOW - 60,
        "valid_until_s": NOW + 60,
        "strong_key": True,
    }
    return ClientCertificate(**{**values, **changed})


def _presented(kind: str) -> Presented:
    right, wrong = ("aa",), ("ff",)
    return {
        "plain": Presented(False, ()),
        "plain, password": Presented(False, right),
        "plain, wrong password": Presented(False, wrong),
        "TLS": Presented(True, ()),
        "TLS, password": Presented(True, right),
        "TLS, wrong password": Presented(True, wrong),
        "certificate": Presented(True, (), True, _certificate()),
        "certificate and password": Presented(True, right, True, _certificate()),
        "wrong certificate": Presented(True, (), True, _certificate(common_names=("B",))),
        "wrong certificate, password": Presented(
            True, right, True, _certificate(common_names=("B",))
        ),
        "unreadable certificate": Presented(True, (), True, None),
    }[kind]


def _judge(
    profiles: Profiles,
    presented: Presented,
    credentials: Credentials = PASSWORD,
    rules: ProfileRules = RULES,
) -> Judgement:
    return judge("A", profiles, credentials, presented, rules, NOW)


@pytest.mark.parametrize(
    ("profile", "kind", "outcome"),
    [
        (1, "plain, password", OK),
        (1, "plain", BAD_PASSWORD),
        (1, "plain, wrong password", BAD_PASSWORD),
        (1, "TLS, password", WRONG_PROFILE),
        (1, "certificate", WRONG_PROFILE),
        (2, "TLS, password", OK),
        (2, "TLS", BAD_PASSWORD),
        (2, "TLS, wrong password", BAD_PASSWORD),
        (2, "plain, password", WRONG_PROFILE),
        (2, "plain, wrong password", WRONG_PROFILE),
        (2, "wrong certificate, password", OK),
        (2, "certificate", BAD_PASSWORD),
        (3, "certificate", OK),
        (3, "certificate and password", OK),
        (3, "wrong certificate", BAD_CERTIFICATE),
        (3, "wrong certificate, password", BAD_CERTIFICATE),
        (3, "unreadable certificate", BAD_CERTIFICATE),
        (3, "TLS, password", WRONG_PROFILE),
        (3, "plain, password", WRONG_PROFILE),
    ],
)
def test_a_station_with_a_profile_connects_with_that_one_only(
    profile: int, kind: str, outcome: ClaimOutcome
) -> None:
    judged = _judge(Profiles(profile), _presented(kind))
    assert judged.outcome is outcome
    if outcome is OK:
        assert judged.profile == profile


@pytest.mark.parametrize(
    ("kind", "credentials", "minimum", "outcome", "used"),
    [
        ("plain", NONE, 0, OK, 0),
        ("plain, wrong password", NONE, 0, OK, 0),
        ("wrong certificate", NONE, 0, OK, 0),
        ("plain", PASSWORD, 0, BAD_PASSWORD, 0),
        ("plain, password", PASSWORD, 0, OK, 1),
        ("TLS, password", PASSWORD, 0, OK, 2),
        ("certificate", PASSWORD, 0, OK, 3),
        ("wrong certificate", PASSWORD, 0, BAD_CERTIFICATE, 0),
        ("wrong certificate, password", PASSWORD, 0, OK, 2),
        ("plain", NONE, 1, BAD_PASSWORD, 0),
        ("plain, password", PASSWORD, 2, WRONG_PROFILE, 0),
        ("TLS, password", PASSWORD, 2, OK, 2),
        ("TLS, password", PASSWORD, 3, WRONG_PROFILE, 0),
        ("certificate", NONE, 3, OK, 3),
    ],
)
def test_a_station_without_a_profile_connects_with_any_that_the_suite_allows(
    kind: str, credentials: Credentials, minimum: int, outcome: ClaimOutcome, used: int
) -> None:
    rules = ProfileRules(minimum, "Operator")
    judged = _judge(Profiles(), _presented(kind), credentials, rules)
    assert (judged.outcome, judged.profile) == (outcome, used)


def test_a_profile_below_the_suites_least_lets_nobody_in_and_says_so() -> None:
    judged = _judge(Profiles(1), _presented("plain, password"), rules=ProfileRules(2, "Operator"))
    assert judged.outcome is WRONG_PROFILE
    assert "below the suite's least, 2" in judged.detail


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"common_names": ("B",)}, "that of 'B'"),
        ({"common_names": ()}, "one common name"),
        ({"common_names": ("A", "B")}, "one common name"),
        ({"common_names": ("a",)}, "that of 'a'"),
        ({"organizations": ("Another",)}, "organization (O) is 'Another'"),
        ({"organizations": ()}, "organization (O) is empty"),
        ({"organizations": ("The Operator Ltd",)}, "organization (O)"),
        ({"strong_key": False}, "key is too short"),
        ({"revoked": True}, "was revoked here"),
        ({"valid_from_s": NOW + 1}, "not valid yet"),
        ({"valid_until_s": NOW - 1}, "expired"),
    ],
)
def test_a_certificate_of_somebody_else_is_refused_in_words(
    changed: dict[str, Any], says: str
) -> None:
    judged = _judge(Profiles(3), Presented(True, (), True, _certificate(**changed)))
    assert judged.outcome is BAD_CERTIFICATE
    assert says in judged.detail


def test_a_certificate_may_name_the_registered_serial_number() -> None:
    presented = Presented(True, (), True, _certificate(common_names=("SN-1",)))
    assert _judge(Profiles(3), presented).outcome is BAD_CERTIFICATE
    registered = Profiles(3, registered_serial_number="SN-1")
    assert _judge(registered, presented).outcome is OK


def test_no_certificate_counts_before_the_operators_name_is_known() -> None:
    judged = _judge(Profiles(3), _presented("certificate"), rules=ProfileRules())
    assert judged.outcome is BAD_CERTIFICATE
    assert "CSMS_OPERATOR_NAME" in judged.detail


def test_during_an_upgrade_both_profiles_count_until_the_first_connection_with_the_higher() -> None:
    upgrading = offered(Profiles(1), PASSWORD, 2, RULES)
    assert isinstance(upgrading, Profiles)
    for state in (upgrading, accepted(upgrading, 2)):
        old, new = (_judge(state, _presented(k)) for k in ("plain, password", "TLS, password"))
        assert (old.outcome, new.outcome) == (OK, OK)
        assert connected_with(state, old.profile) == state
        upgraded = connected_with(state, new.profile)
        assert upgraded == Profiles(2)
        assert _judge(upgraded, _presented("plain, password")).outcome is WRONG_PROFILE


def test_a_wrong_password_ends_no_upgrade() -> None:
    upgrading = accepted(Profiles(1), 2)
    assert _judge(upgrading, _presented("TLS, wrong password")).outcome is BAD_PASSWORD


@pytest.mark.parametrize(
    ("profiles", "credentials", "asked", "rules", "code"),
    [
        (Profiles(2), PASSWORD, 1, RULES, "security_profile_not_higher"),
        (Profiles(2), PASSWORD, 2, RULES, "security_profile_not_higher"),
        (Profiles(0), PASSWORD, 0, RULES, "security_profile_not_higher"),
        (Profiles(2), PASSWORD, 4, RULES, "security_profile_not_higher"),
        (Profiles(0), PASSWORD, 1, ProfileRules(2), "security_profile_too_low"),
        (Profiles(0), NONE, 2, RULES, "no_password"),
        (Profiles(2), PASSWORD, 3, ProfileRules(), "no_operator_name"),
    ],
)
def test_an_upgrade_that_would_lock_the_station_out_or_lower_it_is_not_offered(
    profiles: Profiles, credentials: Credentials, asked: int, rules: ProfileRules, code: str
) -> None:
    problem = offered(profiles, credentials, asked, rules)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (409, code)


def test_a_declined_upgrade_is_withdrawn_but_not_one_that_was_accepted() -> None:
    upgrading = offered(Profiles(1), PASSWORD, 2, RULES)
    assert isinstance(upgrading, Profiles)
    assert declined(upgrading, 3) == upgrading
    assert declined(upgrading, 2) == Profiles(1)
    assert declined(accepted(upgrading, 2), 2) == accepted(Profiles(1), 2)


@given(st.integers(0, 3), st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=4))
def test_answers_mean_the_same_in_any_order_and_repeated_and_never_lower_a_profile(
    current: int, answers: list[tuple[bool, int]]
) -> None:
    results = set()
    for order in permutations(answers):
        state = Profiles(current)
        for taken, profile in (*order, *order):
            state = (accepted if taken else declined)(state, profile)
        results.add(state)
        assert state.current == current
        assert state.upgrade is None or state.upgrade > current
    assert len(results) == 1


def _made(
    key: CertificateIssuerPrivateKeyTypes,
    *names: tuple[x509.ObjectIdentifier, str],
    signer: CertificateIssuerPrivateKeyTypes | None = None,
) -> str:
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in names])
    start = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(hours=1))
        .sign(signer or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return base64.b64encode(built.public_bytes(serialization.Encoding.DER)).decode()


@pytest.mark.parametrize(
    ("key", "strong"),
    [
        (ec.generate_private_key(ec.SECP256R1()), True),
        (ec.generate_private_key(ec.SECP192R1()), False),
        (rsa.generate_private_key(65537, 2048), True),
        (rsa.generate_private_key(65537, 1024), False),
        (ed25519.Ed25519PrivateKey.generate(), False),
    ],
)
def test_a_certificate_is_read_with_its_names_times_and_the_strength_of_its_key(
    key: CertificateIssuerPrivateKeyTypes, strong: bool
) -> None:
    encoded = _made(key, (NameOID.COMMON_NAME, "Säule 1"), (NameOID.ORGANIZATION_NAME, "Operator"))
    assert read_certificate(encoded) == ClientCertificate(
        ("Säule 1",), ("Operator",), NOW, NOW + 3600, strong
    )


def test_a_certificate_is_known_to_be_revoked_by_its_fingerprint() -> None:
    fingerprint = hashlib.sha256(base64.b64decode(_SAMPLE)).hexdigest()
    assert fingerprint_of(_SAMPLE) == fingerprint
    for revoked, expected in [({fingerprint}, True), ({"00"}, False), ((), False)]:
        read = read_certificate(_SAMPLE, revoked)
        assert read is not None
        assert read.revoked is expected
    assert fingerprint_of("!") is None


@pytest.mark.parametrize("encoded", ["", "!", "AAAA", base64.b64encode(b"\x30\x82" * 99).decode()])
def test_what_is_no_certificate_reads_as_none(encoded: str) -> None:
    assert read_certificate(encoded) is None


@given(st.binary(max_size=40), st.integers(0, 400))
def test_a_damaged_certificate_never_breaks_the_reader(noise: bytes, at: int) -> None:
    whole = base64.b64decode(_SAMPLE)
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    read_certificate(base64.b64encode(damaged).decode())


_SAMPLE = _made(ec.generate_private_key(ec.SECP256R1()), (NameOID.COMMON_NAME, "A"))

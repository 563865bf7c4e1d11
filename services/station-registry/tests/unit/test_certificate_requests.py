"""Certificate requests of stations: every reason to reject, and mutated ones."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from station_registry.certificates.domain.requests import (
    AskingStation,
    Refused,
    RequestProblem,
    SigningPolicy,
    SigningRequest,
    decide_request,
    read_request,
)

P = RequestProblem
STATION = AskingStation("CS-1", 1, "SN-77", None)
POLICY = SigningPolicy("Operator", ready=True)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def name(common_name: str | None = "CS-1", organization: str | None = "Operator") -> x509.Name:
    parts = ((NameOID.COMMON_NAME, common_name), (NameOID.ORGANIZATION_NAME, organization))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts if text is not None])


def csr(
    subject: x509.Name | None = None,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey = EC_KEY,
    digest: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | None = None,
) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject or name())
    signed = builder.sign(
        key,
        None if isinstance(key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256(),
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def der(pem: str) -> bytes:
    return x509.load_pem_x509_csr(pem.encode()).public_bytes(serialization.Encoding.DER)


def pem_text(content: bytes) -> str:
    body = base64.encodebytes(content).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


def problem(
    text: str, station: AskingStation = STATION, policy: SigningPolicy = POLICY
) -> P | None:
    decision = decide_request(station, text, policy)
    return decision.problem if isinstance(decision, Refused) else None


@pytest.mark.parametrize("common_name", ["CS-1", "SN-77"])
@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY])
def test_a_request_with_the_stations_own_names_is_accepted(
    common_name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> None:
    decision = decide_request(STATION, csr(name(common_name), key), POLICY)
    assert isinstance(decision, SigningRequest)
    assert (decision.common_name, decision.organization) == (common_name, "Operator")


def test_an_unauthenticated_connection_gets_no_certificate() -> None:
    assert problem(csr(), AskingStation("CS-1", 0, None, None)) is P.PROFILE_TOO_LOW


@pytest.mark.parametrize(
    "policy", [SigningPolicy("", ready=True), SigningPolicy("Operator", ready=False)]
)
def test_without_a_name_or_a_signer_nothing_is_accepted(policy: SigningPolicy) -> None:
    assert problem(csr(), policy=policy) is P.SIGNING_NOT_SET_UP


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        (name("CS-2"), P.COMMON_NAME_WRONG),
        (name("cs-1"), P.COMMON_NAME_WRONG),
        (name("SN-78"), P.COMMON_NAME_WRONG),
        (name(None), P.COMMON_NAME_WRONG),
        (
            x509.Name([*name(), x509.NameAttribute(NameOID.COMMON_NAME, "CS-2")]),
            P.COMMON_NAME_WRONG,
        ),
        (name(organization="Another"), P.ORGANIZATION_WRONG),
        (name(organization=None), P.ORGANIZATION_WRONG),
        (
            x509.Name([*name(), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Another")]),
            P.ORGANIZATION_WRONG,
        ),
    ],
)
def test_names_of_anybody_else_are_refused(subject: x509.Name, why: P) -> None:
    assert problem(csr(subject)) is why


@pytest.mark.parametrize("station_id", ["192.0.2.7", "wss://csms.example/CS-1", "::1"])
def test_a_name_in_the_form_of_a_host_is_refused(station_id: str) -> None:
    station = AskingStation(station_id, 2, None, None)
    assert problem(csr(name(station_id)), station) is P.COMMON_NAME_WRONG


def test_a_station_id_that_no_certificate_can_hold_is_refused() -> None:
    station = AskingStation("x" * 65, 2, None, None)
    long_name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "x" * 65, _validate=False),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Operator"),
        ]
    )
    assert problem(csr(long_name), station) in (P.COMMON_NAME_WRONG, P.UNREADABLE)


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP192R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
)
def test_a_weak_or_unknown_key_is_refused(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
) -> None:
    assert problem(csr(key=key)) is P.KEY_UNSUITABLE


def test_a_weak_digest_is_refused() -> None:
    assert problem(csr(digest=hashes.SHA224())) is P.DIGEST_UNSUITABLE


def test_a_request_with_another_ones_key_is_refused() -> None:
    content = der(csr())
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    kind, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    stolen = content.replace(
        EC_KEY.public_key().public_bytes(kind, form), other.public_bytes(kind, form)
    )
    assert stolen != content
    assert problem(pem_text(stolen)) is P.SIGNATURE_INVALID


def test_a_second_request_waits_for_the_first_but_the_same_again_does_not() -> None:
    first = decide_request(STATION, csr(), POLICY)
    assert isinstance(first, SigningRequest)
    station = AskingStation("CS-1", 1, None, first.public_key_digest)
    assert problem(csr(), station) is None
    assert problem(csr(key=RSA_KEY), station) is P.REQUEST_OPEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----",
        "é" * 20,
        "\0",
        csr().replace("CERTIFICATE REQUEST", "CERTIFICATE"),
        csr() + "x" * 5500,
    ],
)
def test_what_is_no_request_is_refused_as_unreadable(text: str) -> None:
    assert problem(text) is P.UNREADABLE


SOUND = tuple(map(der, (csr(), csr(key=RSA_KEY))))


@settings(max_examples=600, deadline=None)
@given(
    content=st.sampled_from(SOUND),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.one_of(st.none(), st.floats(0, 1)),
    added=st.binary(max_size=20),
)
def test_a_mutated_request_is_always_refused_with_a_reason(
    content: bytes, changes: list[tuple[float, int]], cut: float | None, added: bytes
) -> None:
    mutated = bytearray(content)
    for place, value in changes:
        mutated[int(place * len(mutated))] = value
    result = bytes(mutated[: None if cut is None else int(cut * len(mutated))]) + added
    decision = read_request(pem_text(result))
    if isinstance(decision, Refused):
        assert decision.detail
        assert "\0" not in decision.detail
    else:
        # What is still signed right holds what was signed: the names are the request's own.
        assert (decision.common_name, decision.organization) == ("CS-1", "Operator")
        assert der(decision.pem)[: len(content) - 80] == content[: len(content) - 80]


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=300), at=st.floats(0, 1), removed=st.integers(0, 200))
def test_a_request_with_foreign_text_in_its_pem_never_crashes(
    text: str, at: float, removed: int
) -> None:
    sound = csr()
    place = int(at * len(sound))
    decision = read_request(sound[:place] + text + sound[place + removed :])
    assert isinstance(decision, SigningRequest) or decision.detail


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=400))
def test_any_bytes_in_a_pem_are_refused(content: bytes) -> None:
    assert isinstance(read_request(pem_text(content)), Refused)

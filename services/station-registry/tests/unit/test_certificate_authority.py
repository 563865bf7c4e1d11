"""The built-in authority's certificates and CRLs, judged by OpenSSL in a TLS handshake."""

import hashlib
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from authorities import EC_KEY, RSA_KEY, handshake, request
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from csms_shared.runtime.clock import utc_now
from station_registry.certificates.domain.authority import (
    AuthorityKey,
    Revocation,
    issue,
    new_authority,
    revocation_list,
)
from station_registry.certificates.domain.details import details, hash_data, normal_serial
from station_registry.certificates.domain.signed_chains import chain_problem


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY])
def test_openssl_accepts_a_stations_certificate_until_it_is_revoked(
    key: AuthorityKey, tmp_path: Path
) -> None:
    now = utc_now()
    authority = new_authority(key, "Operator", now)
    certificate = issue(authority, request(), x509.random_serial_number(), 30, now)
    handshake(tmp_path, authority, certificate)
    another = Revocation(certificate.serial_number + 1, now, "unspecified")
    handshake(tmp_path, authority, certificate, revocation_list(authority, [another], now))
    own = Revocation(certificate.serial_number, now, "superseded")
    with pytest.raises(ssl.SSLError, match="revoked"):
        handshake(tmp_path, authority, certificate, revocation_list(authority, [own], now))


def test_a_certificate_holds_what_was_checked_and_nothing_that_was_asked_for() -> None:
    now = utc_now()
    certificate = issue(new_authority(EC_KEY, "Operator", now), request(), 4095, 30, now)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.subject.rfc4514_string() == "CN=CS-1,O=Operator"
    described = details(certificate)
    assert described is not None
    assert (described.serial_number, described.common_name) == ("FFF", "CS-1")


def test_a_certificate_ends_no_later_than_its_authority() -> None:
    now = utc_now()
    authority = new_authority(EC_KEY, "Operator", now)
    certificate = issue(authority, request(), 1, 3650 * 9, now)
    assert certificate.not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_an_rsa_authority_signs_with_pss() -> None:
    now = utc_now()
    certificate = issue(new_authority(RSA_KEY, "Operator", now), request(), 1, 30, now)
    assert certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSASSA_PSS


def test_a_chain_is_what_was_asked_for_or_the_reason_why_not() -> None:
    now = utc_now()
    authority = new_authority(EC_KEY, "Operator", now)
    certificate = issue(authority, request(), 1, 30, now)
    assert chain_problem([certificate], request(), now) is None
    assert chain_problem([certificate, authority.certificate], request(), now) is None
    wrong = {
        "no certificate": chain_problem([], request(), now),
        "another key": chain_problem([certificate], request(RSA_KEY), now),
        "not valid now": chain_problem([certificate], request(), now + timedelta(days=31)),
        "not a chain": chain_problem([certificate, certificate], request(), now),
        "CN is not": chain_problem([authority.certificate], request(EC_KEY), now),
        "the station takes 10000": chain_problem([certificate] * 20, request(), now),
        "the station takes 100 (": chain_problem([certificate], request(), now, 100),
    }
    for part, found in wrong.items():
        assert found is not None
        assert part in found


def test_hash_data_is_that_of_ocsp_and_serial_numbers_have_one_form() -> None:
    # RFC 6960, 4.1.1: the hash of the key covers the BIT STRING's value without tag and length.
    root = new_authority(EC_KEY, "Operator", utc_now()).certificate
    point = EC_KEY.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    for algorithm in ("SHA256", "SHA384", "SHA512"):
        data = hash_data(root, None, algorithm)
        assert data is not None
        name = hashlib.new(algorithm.lower(), root.subject.public_bytes()).hexdigest()
        key = hashlib.new(algorithm.lower(), point).hexdigest()
        assert (data.issuer_name_hash, data.issuer_key_hash) == (name, key)
    assert normal_serial("00fff") == normal_serial("FFF") == "FFF"
    assert normal_serial("0") == "0"

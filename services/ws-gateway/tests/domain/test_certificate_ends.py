"""Ends of certificates, read from PEM."""

import base64
import contextlib
from datetime import UTC

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from csms_simulator.certificates import Authority
from ws_gateway.domain.certificate_ends import Unreadable, first_end

AUTHORITY = Authority("Operator")
LIST = AUTHORITY.revocation_list()


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
@pytest.mark.parametrize("days", [(-30.0, -1.0), (-1.0, 30.0), (-1.0, 365.0 * 60)])
def test_the_end_is_that_of_the_certificate(kind: str, days: tuple[float, float]) -> None:
    """Beyond 2049 it is written in another way (RFC 5280, 4.1.2.5.1)."""
    issued = AUTHORITY.station("A", kind=kind, days=days)
    assert first_end(issued.pem.decode()) == issued.certificate.not_valid_after_utc


def test_a_chain_ends_with_the_first_of_its_certificates() -> None:
    leaf, issuer = AUTHORITY.server("localhost"), Authority("Operator", days=(-9, 2))
    chain = "subject=CN = localhost\n" + leaf.pem.decode() + "\n" + issuer.pem.decode()
    assert first_end(chain) == issuer.certificate.not_valid_after_utc
    assert first_end(chain) < leaf.certificate.not_valid_after_utc


@pytest.mark.parametrize("days", [(-30.0, -1.0), (-1.0, 7.0), (-1.0, 365.0 * 60)])
def test_a_revocation_list_ends_with_its_next_update(days: tuple[float, float]) -> None:
    pem = AUTHORITY.revocation_list([AUTHORITY.station("A")], days=days)
    assert first_end(pem.decode()) == x509.load_pem_x509_crl(pem).next_update_utc


def test_a_list_that_names_no_next_update_has_no_end() -> None:
    """RFC 5280 (5.1.2.5) asks for one; what follows it in the list is not taken for it."""
    der = bytes.fromhex("3017 3015 3000 3000 170d") + b"260101000000Z" + bytes.fromhex("3000")
    body = base64.b64encode(der).decode()
    with pytest.raises(Unreadable, match="no time"):
        first_end(f"-----BEGIN X509 CRL-----\n{body}\n-----END X509 CRL-----\n")


def test_a_text_without_a_certificate_has_no_end() -> None:
    with pytest.raises(Unreadable):
        first_end("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


@given(
    st.sampled_from([AUTHORITY.pem, LIST]),
    st.binary(min_size=1, max_size=4),
    st.floats(0, 1),
    st.integers(0, 4),
)
def test_whatever_is_in_the_file_is_an_end_or_unreadable(
    pem: bytes, put: bytes, part: float, instead_of: int
) -> None:
    where = round(part * len(pem))
    text = (pem[:where] + put + pem[where + instead_of :]).decode("latin-1")
    with contextlib.suppress(Unreadable):
        assert first_end(text).tzinfo is UTC

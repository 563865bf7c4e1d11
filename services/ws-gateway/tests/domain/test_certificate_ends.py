"""Ends of certificates, read from PEM."""

import contextlib
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_simulator.certificates import Authority
from ws_gateway.domain.certificate_ends import Unreadable, first_end

AUTHORITY = Authority("Operator")


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


def test_a_text_without_a_certificate_has_no_end() -> None:
    with pytest.raises(Unreadable):
        first_end("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


@given(
    st.binary(min_size=1, max_size=4),
    st.integers(0, len(AUTHORITY.pem)),
    st.integers(0, 4),
)
def test_whatever_is_in_the_file_is_an_end_or_unreadable(
    put: bytes, where: int, instead_of: int
) -> None:
    text = (AUTHORITY.pem[:where] + put + AUTHORITY.pem[where + instead_of :]).decode("latin-1")
    with contextlib.suppress(Unreadable):
        assert first_end(text).tzinfo is UTC

"""What is fit to sign for stations is, by OpenSSL, what a gateway accepts."""

import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from authorities import FIT, LOWEST, MIDDLE, ROOT, UNFIT, authority, handshake, request

from csms_shared.runtime.clock import utc_now
from station_registry.certificates.domain.authority import (
    Authority,
    UnfitAuthority,
    issue,
    revocation_list,
)
from station_registry.certificates.domain.authority_fitness import check_authority
from station_registry.certificates.domain.signed_chains import chain_problem

# Those that OpenSSL takes, and RFC 5280 or the whitepaper does not.
_REFUSED_BY_US_ALONE = {
    "no key usage",
    "no constraints",
    "signs no revocation list",
    "another curve",
    "signed with a short digest",
}

_SIGN_NOTHING = {"another key", "ended"}


@pytest.mark.parametrize("name", FIT)
def test_a_fit_authority_signs_what_openssl_accepts(name: str, tmp_path: Path) -> None:
    given, now = FIT[name], utc_now()
    check_authority(given, now)
    certificate = issue(given, request(), 1, 30, now)
    handshake(tmp_path, given, certificate)
    if not given.above:
        handshake(tmp_path, given, certificate, revocation_list(given, [], now))
    assert chain_problem([certificate, given.certificate, *given.above], request(), now) is None


@pytest.mark.parametrize("name", UNFIT)
def test_an_unfit_authority_is_refused_for_what_is_wrong_with_it(name: str) -> None:
    given, said = UNFIT[name]
    with pytest.raises(UnfitAuthority, match=said):
        check_authority(given, utc_now())


@pytest.mark.parametrize("name", sorted(UNFIT.keys() - _REFUSED_BY_US_ALONE - _SIGN_NOTHING))
def test_openssl_refuses_what_an_unfit_authority_signed(name: str, tmp_path: Path) -> None:
    given, _ = UNFIT[name]
    certificate = issue(given, request(), 1, 30, utc_now())
    with pytest.raises(ssl.SSLError):
        handshake(tmp_path, given, certificate)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (authority(replace(MIDDLE, usage=None), ROOT), "keyUsage is missing"),
        (authority(replace(MIDDLE, usage=frozenset({"crl_sign"})), ROOT), "lacks keyCertSign"),
        (authority(replace(MIDDLE, ca=None), ROOT), "basicConstraints is missing"),
        UNFIT["for servers"],
        (authority(LOWEST, MIDDLE, replace(ROOT, path_length=1)), "its path length is 1"),
        UNFIT["signed with a short digest"],
    ],
)
def test_a_chain_of_an_external_signer_that_can_not_sign_is_refused(
    given: Authority, said: str
) -> None:
    certificate = issue(given, request(), 1, 30, utc_now())
    problem = chain_problem([certificate, given.certificate, *given.above], request(), utc_now())
    assert problem is not None
    assert said in problem

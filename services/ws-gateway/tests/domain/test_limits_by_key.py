"""How often a station may connect, and how often a password may be wrong."""

from hypothesis import given
from hypothesis import strategies as st

from csms_shared.ocpp.credentials import check_of, credential_proofs, hash_proof
from ws_gateway.domain.failed_logins import FailedLogins
from ws_gateway.domain.keyed_rate import KeyedRate
from ws_gateway.domain.limits import DEFAULT_ENTRY_LIMITS

PEPPER = b"a pepper for the tests"


def test_each_key_has_its_burst_and_then_its_pace() -> None:
    rate: KeyedRate[str] = KeyedRate(burst=3, every_s=6.0, max_keys=10)
    for _ in range(3):
        assert rate.wait_s("A", 100.0) == 0
        rate.count("A", 100.0)
    assert rate.wait_s("A", 100.0) == 6.0
    assert rate.wait_s("B", 100.0) == 0
    assert rate.wait_s("A", 106.0) == 0
    rate.count("A", 106.0)
    assert rate.wait_s("A", 106.0) == 6.0
    assert rate.wait_s("A", 125.0) == 0


def test_a_storm_of_one_key_runs_up_no_debt() -> None:
    rate: KeyedRate[str] = KeyedRate(burst=3, every_s=6.0, max_keys=10)
    for _ in range(1000):
        rate.count("A", 100.0)
    assert rate.wait_s("A", 100.0) == 6.0


def test_without_an_interval_nobody_ever_waits() -> None:
    rate: KeyedRate[str] = KeyedRate(burst=1, every_s=0.0, max_keys=10)
    for _ in range(100):
        assert rate.wait_s("A", 100.0) == 0
        rate.count("A", 100.0)


def test_the_key_counted_longest_ago_is_forgotten() -> None:
    rate: KeyedRate[str] = KeyedRate(burst=1, every_s=6.0, max_keys=2)
    for key in ("A", "B", "A", "C"):
        rate.count(key, 100.0)
    assert len(rate) == 2
    assert [rate.wait_s(key, 100.0) for key in ("A", "B", "C")] == [6.0, 0.0, 6.0]


@given(st.lists(st.floats(6.0, 600.0), max_size=50))
def test_who_reconnects_no_faster_than_the_pace_never_waits(pauses: list[float]) -> None:
    rate: KeyedRate[str] = KeyedRate(burst=10, every_s=6.0, max_keys=10)
    now = 1000.0
    for pause in pauses:
        now += pause
        assert rate.wait_s("A", now) == 0
        rate.count("A", now)


def test_a_guesser_waits_but_the_right_password_from_the_same_address_does_not() -> None:
    right = credential_proofs(PEPPER, "A", b"0123456789abcdef")
    checks = tuple(check_of(hash_proof(b"s" * 16, proof)) for proof in right)
    logins = FailedLogins(DEFAULT_ENTRY_LIMITS)
    for _ in range(DEFAULT_ENTRY_LIMITS.failed_logins_at_once):
        assert logins.wait_s("192.0.2.1", "A", 100.0) == 0
        logins.failed("192.0.2.1", "A", checks, 100.0)
    assert logins.wait_s("192.0.2.1", "A", 100.0) > 0
    assert not logins.may_be_right("A", credential_proofs(PEPPER, "A", b"a guess"))
    assert not logins.may_be_right("A", ())
    assert logins.may_be_right("A", right)
    assert logins.wait_s("192.0.2.2", "A", 100.0) == 0
    assert logins.wait_s("192.0.2.1", "B", 100.0) == 0


def test_the_registry_is_asked_again_now_and_then_because_passwords_change() -> None:
    logins = FailedLogins(DEFAULT_ENTRY_LIMITS)
    for _ in range(100):
        logins.failed("192.0.2.1", "A", (), 100.0)
    assert logins.wait_s("192.0.2.1", "A", 110.0) == 0

import hashlib
import hmac

from csms_shared.ocpp.credentials import credential_proof, credential_proofs

PEPPER = b"pepper"
KEY = "0001020304050607FFFFFFFFCCCCCCCCCCCCCCCC"


def test_a_proof_is_the_hmac_of_length_id_and_password() -> None:
    message = b"\x00\x00\x00\x06AL1000" + b"secret"
    expected = hmac.new(PEPPER, message, hashlib.sha256).digest()
    assert credential_proof(PEPPER, "AL1000", b"secret") == expected


def test_id_and_password_cannot_be_shifted_into_each_other() -> None:
    assert credential_proof(PEPPER, "AB", b"C") != credential_proof(PEPPER, "A", b"BC")


def test_a_key_set_as_hex_text_is_proved_by_its_text_and_by_its_decoded_bytes() -> None:
    stored = set(credential_proofs(PEPPER, "AL1000", KEY.encode()))
    assert stored & set(credential_proofs(PEPPER, "AL1000", KEY.encode()))
    assert stored & set(credential_proofs(PEPPER, "AL1000", KEY.lower().encode()))
    assert stored & set(credential_proofs(PEPPER, "AL1000", bytes.fromhex(KEY)))
    assert not stored & set(credential_proofs(PEPPER, "al1000", KEY.encode()))
    assert not stored & set(credential_proofs(PEPPER, "AL1000", KEY[:-2].encode()))


def test_a_key_set_as_bytes_is_proved_by_its_hex_text() -> None:
    stored = set(credential_proofs(PEPPER, "AL1000", bytes.fromhex(KEY)))
    assert stored & set(credential_proofs(PEPPER, "AL1000", KEY.encode()))


def test_a_password_that_is_not_hex_has_one_proof() -> None:
    assert len(credential_proofs(PEPPER, "AL1000", b"correct horse")) == 1
    assert len(credential_proofs(PEPPER, "AL1000", b"abc")) == 1
    assert len(credential_proofs(PEPPER, "AL1000", b"")) == 1
    assert len(credential_proofs(PEPPER, "AL1000", bytes(range(128, 148)))) == 1

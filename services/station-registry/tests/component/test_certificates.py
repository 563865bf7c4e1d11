"""A station's certificate from its request to its renewal, against a real PostgreSQL."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from asking_station import PASSPHRASE, PROOF, Ordering, request_of
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store
from driven_registry import answer_of

from csms_shared.contracts.refusals import ProblemRaised
from station_registry.certificates.domain.deliveries import DELIVERIES
from station_registry.certificates.domain.requests import SigningRequest
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority, signing_now
from station_registry.certificates.handlers.expiry import watch_expiry
from station_registry.certificates.handlers.signers import Signed, SignerAway, SignerRefused
from station_registry.certificates.handlers.signing import CertificateSigning
from station_registry.certificates.store import authority_files
from station_registry.certificates.store.certificates import Source


async def test_a_stations_request_ends_as_a_certificate_that_our_authority_vouches_for(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    assert await ordering.ask(request_of(key)) == "Accepted"
    assert await ordering.signing.sign_due()
    (order,) = await ordering.orders()
    assert (order["action"], order["station_id"]) == ("CertificateSigned", "A")
    (certificate,) = x509.load_pem_x509_certificates(order["payload"]["certificateChain"].encode())
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == "CN=A,O=Operator"

    authority = await ordering.registry.request("certificate_authority.get")
    root = x509.load_pem_x509_certificate(authority.certificates.encode())
    # The defaults are the web's: they ask for the subjectAltName that A00.FR.511 advises against.
    policies = PolicyBuilder().extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
    )
    verifier = policies.store(Store([root])).build_client_verifier()
    assert verifier.verify(certificate, []).chain == [certificate, root]
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    ours = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    theirs = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert ours.key_identifier == theirs.digest

    await ordering.complete(order, response={"status": "Accepted"}, accepted=True)
    view = await ordering.view()
    assert [one.status for one in view.requests] == ["installed"]
    assert [one.status for one in view.certificates] == ["installed"]
    assert len(await ordering.registry.events("certificate.installed")) == 1
    assert ordering.registry.parked == []


async def test_the_key_on_disk_is_encrypted_and_its_owners_only(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    await ordering.ask(request_of(key))
    await ordering.signing.sign_due()
    path = tmp_path / "ca" / "ca.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o700
    with pytest.raises(TypeError):
        serialization.load_pem_private_key(path.read_bytes(), None)
    serialization.load_pem_private_key(path.read_bytes(), PASSPHRASE.encode())


async def test_another_replica_opens_the_same_authority_and_never_makes_a_second(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    first = await ordering.registry.request("certificate_authority.get")
    ordering.registry.authority = BuiltInAuthority(tmp_path / "ca", PASSPHRASE, "Operator", 365)
    assert await ordering.registry.request("certificate_authority.get") == first
    for folder, passphrase in (
        (tmp_path / "ca", "a wrong passphrase"),
        (tmp_path / "b", PASSPHRASE),
    ):
        ordering.registry.authority = BuiltInAuthority(folder, passphrase, "Operator", 365)
        with pytest.raises(ProblemRaised) as refused:
            await ordering.registry.request("certificate_authority.get")
        assert refused.value.problem.status == 503
    assert not (tmp_path / "b" / "ca.key").exists()


async def test_a_key_without_its_certificate_is_completed_after_a_crash(
    ordering: Ordering, tmp_path: Path
) -> None:
    key = authority_files.new_key(tmp_path / "ca", PASSPHRASE.encode())
    authority = await ordering.registry.request("certificate_authority.get")
    root = x509.load_pem_x509_certificate(authority.certificates.encode())
    assert root.public_key() == key.public_key()


async def test_the_same_request_again_is_answered_as_before_and_signed_once(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    csr = request_of(key)
    answers = [await ordering.ask(csr, seq=7), await ordering.ask(csr, seq=7)]
    # Another call with the same key: its first answer was lost.
    answers.append(await ordering.ask(csr, seq=8))
    assert set(answers) == {"Accepted"}
    await ordering.signing.sign_due()
    assert await ordering.signing.sign_due() is False
    assert len(await ordering.orders()) == 1


async def test_a_second_key_waits_until_the_first_request_has_ended(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    another = request_of(ec.generate_private_key(ec.SECP256R1()))
    assert await ordering.ask(request_of(key)) == "Accepted"
    assert await ordering.ask(another) == "Rejected"
    await ordering.signing.sign_due()
    assert await ordering.ask(another) == "Rejected"
    (order,) = await ordering.orders()
    await ordering.complete(order, response={"status": "Rejected"}, accepted=False)
    assert await ordering.ask(another) == "Accepted"


async def test_two_keys_in_one_batch_open_one_request(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    csrs = [request_of(key), request_of(ec.generate_private_key(ec.SECP256R1()))]
    replies = await ordering.registry.send(
        [
            ordering.registry.call("SignCertificate", "A", {"csr": csr}, seq=seq)
            for seq, csr in enumerate(csrs, 1)
        ]
    )
    assert [answer_of(reply)["status"] for reply in replies] == ["Accepted", "Rejected"]
    assert ordering.registry.parked == []


async def test_a_refused_request_is_a_security_event(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    csr = request_of(key, common_name="B")
    assert await ordering.ask(csr, seq=3) == await ordering.ask(csr, seq=3) == "Rejected"
    page = await ordering.registry.request("security_events.list", station_id="A")
    assert [(one.type, one.source) for one in page.items] == [
        ("CertificateRequestRefused", "suite")
    ]
    assert page.items[0].detail.startswith("common_name_wrong")
    assert len(await ordering.registry.events("security.event_detected")) == 1
    view = await ordering.view()
    assert [(one.status, one.problem) for one in view.requests] == [
        ("rejected", "common_name_wrong")
    ]


async def test_the_serial_number_counts_that_the_operator_registered_not_one_from_a_boot(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    registry = ordering.registry
    boot = {**registry.boot(), "chargePointSerialNumber": "SN-BOOT"}
    await registry.send([registry.call("BootNotification", "A", boot, seq=1)])
    assert await ordering.ask(request_of(key, "SN-BOOT"), seq=2) == "Rejected"
    await registry.request(
        "stations.change",
        station_id="A",
        set={"registered_serial_number"},
        registered_serial_number="SN-1",
    )
    assert await ordering.ask(request_of(key, "SN-1"), seq=3) == "Accepted"


@pytest.mark.parametrize("with_password", [False, True])
async def test_a_password_that_nobody_checks_is_no_security_profile(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey, with_password: bool
) -> None:
    registry = ordering.registry
    claim = registry.claim(
        "B",
        "b1",
        credential_proofs=[PROOF] if with_password else [],
        security_profile=int(with_password),
    )
    await registry.send([claim])
    call = registry.call("SignCertificate", "B", {"csr": request_of(key, "B")}, connection_id="b1")
    (reply,) = await registry.send([call])
    assert answer_of(reply)["status"] == "Rejected"


async def test_what_was_not_sent_is_ordered_again_and_in_the_end_given_up(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    await ordering.ask(request_of(key))
    await ordering.signing.sign_due()
    for number in range(1, DELIVERIES + 1):
        orders = await ordering.orders()
        assert len(orders) == number
        await ordering.complete(orders[-1], "outcome_unknown")
        # Delivered once more, it changes nothing.
        await ordering.complete(orders[-1], "outcome_unknown")
    assert len({order["order_id"] for order in orders}) == DELIVERIES
    assert [(one.status, one.detail) for one in (await ordering.view()).requests] == [
        ("undelivered", "the certificate did not reach the station: outcome_unknown")
    ]
    page = await ordering.registry.request("security_events.list", critical=True)
    assert [one.type for one in page.items] == ["CertificateNotInstalled"]
    # A late yes to the first order stands above the end without an answer.
    await ordering.complete(orders[0], response={"status": "Accepted"})
    assert [(one.status, one.detail) for one in (await ordering.view()).requests] == [
        ("installed", None)
    ]


async def test_a_request_whose_certificate_the_station_refused_says_so(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    await ordering.ask(request_of(key))
    await ordering.signing.sign_due()
    (order,) = await ordering.orders()
    await ordering.complete(order, response={"status": "Rejected"}, accepted=False)
    detail = "the station refused the certificate: it answered Rejected"
    assert [(one.status, one.detail) for one in (await ordering.view()).requests] == [
        ("refused", detail)
    ]
    page = await ordering.registry.request("security_events.list", critical=True)
    assert [(one.type, one.detail) for one in page.items] == [("CertificateNotInstalled", detail)]


class FailingSigner:
    """An external signer that does as it is told."""

    source: Source = "external"

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def sign(self, request_id: uuid.UUID, station_id: str, request: SigningRequest) -> Signed:
        raise self.error


async def test_a_signer_that_is_away_is_asked_again_later_and_not_for_ever(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    signing = CertificateSigning(ordering.registry.engine, FailingSigner(SignerAway("no route")))
    await ordering.ask(request_of(key))
    rounds = 0
    while [one.status for one in (await ordering.view()).requests] == ["accepted"]:
        assert await signing.sign_due()
        assert await signing.sign_due() is False, "it waits before the next attempt"
        await ordering.registry.query("UPDATE certificate_request SET next_attempt_at = now()")
        rounds += 1
    assert rounds == 8
    view = await ordering.view()
    assert (view.requests[0].status, view.requests[0].certificate_id) == ("failed", None)
    page = await ordering.registry.request("security_events.list")
    assert [(one.type, one.critical) for one in page.items] == [("CertificateSigningFailed", True)]


async def test_why_a_signature_was_put_off_is_not_said_of_a_request_that_is_signed(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    away = CertificateSigning(ordering.registry.engine, FailingSigner(SignerAway("no route")))
    await ordering.ask(request_of(key))
    await away.sign_due()
    assert [(one.status, one.detail) for one in (await ordering.view()).requests] == [
        ("accepted", "no route")
    ]
    await ordering.registry.query("UPDATE certificate_request SET next_attempt_at = now()")
    await ordering.signing.sign_due()
    assert [(one.status, one.detail) for one in (await ordering.view()).requests] == [
        ("signed", None)
    ]


async def test_a_signer_that_refuses_ends_the_request(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    signing = CertificateSigning(ordering.registry.engine, FailingSigner(SignerRefused("policy")))
    await ordering.ask(request_of(key))
    await signing.sign_due()
    (request,) = (await ordering.view()).requests
    assert (request.status, request.detail) == ("failed", "policy")


async def test_a_revoked_certificate_is_on_the_list_and_revoked_once(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    await ordering.ask(request_of(key))
    await ordering.signing.sign_due()
    (certificate,) = (await ordering.registry.request("certificates.list")).items
    authority = await ordering.registry.request("certificate_authority.get")
    root = x509.load_pem_x509_certificate(authority.certificates.encode())

    async def crl() -> x509.CertificateRevocationList:
        view = await ordering.registry.request("certificate_authority.crl")
        return x509.load_pem_x509_crl(view.crl.encode())

    first = await crl()
    assert len(first) == 0
    name = {"certificate_id": certificate.certificate_id}
    revoked = await ordering.registry.request(
        "certificates.revoke", **name, reason="key_compromise"
    )
    assert revoked.revocation_reason == "key_compromise"
    with pytest.raises(ProblemRaised) as refused:
        await ordering.registry.request("certificates.revoke", **name)
    assert refused.value.problem.code == "already_revoked"
    second = await crl()
    assert second.is_signature_valid(root.public_key())  # type: ignore[arg-type]
    entry = second.get_revoked_certificate_by_serial_number(int(certificate.serial_number, 16))
    assert entry is not None
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.key_compromise
    number = x509.CRLNumber
    numbers = [one.extensions.get_extension_for_class(number).value for one in (first, second)]
    assert numbers[0].crl_number < numbers[1].crl_number
    assert len(await ordering.registry.events("certificate.revoked")) == 1


async def test_a_certificate_that_ends_soon_is_told_and_renewed_once(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    await ordering.ask(request_of(key))
    await ordering.signing.sign_due()
    (order,) = await ordering.orders()
    task = watch_expiry(30, signing_now(ordering.registry.signing, ordering.registry.authority))

    async def triggers() -> list[dict[str, Any]]:
        async with ordering.registry.engine.begin() as connection:
            await task.work(connection)
        return [one for one in await ordering.orders() if one["action"] != "CertificateSigned"]

    await ordering.registry.query("UPDATE certificate SET not_after = now() + interval '29 days'")
    assert await triggers() == [], "nobody uses it yet"
    await ordering.complete(order, response={"status": "Accepted"})
    # Its authority ends then too: a new one would be as short, and be renewed at once again.
    assert await triggers() == [], "it has just been issued"
    await ordering.registry.query("UPDATE certificate SET not_before = now() - interval '30 days'")
    (trigger,) = await triggers()
    assert trigger["action"] == "ExtendedTriggerMessage"
    assert trigger["payload"] == {"requestedMessage": "SignChargePointCertificate"}
    assert await triggers() == [trigger]
    assert len(await ordering.registry.events("certificate.expiring")) == 1


async def test_an_operators_own_certificate_is_kept_with_the_station(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    await ordering.ask(request_of(key))
    await ordering.signing.sign_due()
    (order,) = await ordering.orders()
    await ordering.registry.query("DELETE FROM certificate_request")
    await ordering.registry.query("DELETE FROM certificate")
    await ordering.complete(order, response={"status": "Accepted"})
    (certificate,) = (await ordering.view()).certificates
    assert (certificate.source, certificate.status) == ("operator", "installed")


async def test_installed_roots_are_kept_and_found_by_serial_number(ordering: Ordering) -> None:
    authority = await ordering.registry.request("certificate_authority.get")
    root = x509.load_pem_x509_certificate(authority.certificates.encode())
    order = {
        "order_id": str(uuid.uuid4()),
        "station_id": "A",
        "action": "InstallCertificate",
        "payload": {
            "certificateType": "CentralSystemRootCertificate",
            "certificate": authority.certificates,
        },
    }
    await ordering.complete(order, response={"status": "Accepted"})
    await ordering.complete(order, response={"status": "Accepted"})
    (installed,) = (await ordering.view()).installed
    assert installed.serial_number == f"{root.serial_number:X}"
    data = await ordering.registry.request(
        "certificates.hash_data", station_id="A", serial_number=installed.serial_number.lower()
    )
    assert (data.hashAlgorithm, data.issuerKeyHash) == ("SHA256", installed.issuer_key_hash)
    delete = {
        "order_id": str(uuid.uuid4()),
        "station_id": "A",
        "action": "DeleteCertificate",
        "payload": {"certificateHashData": data.model_dump()},
    }
    await ordering.complete(delete, response={"status": "Accepted"})
    assert (await ordering.view()).installed == []
    with pytest.raises(ProblemRaised) as refused:
        await ordering.registry.request(
            "certificates.hash_data", station_id="A", serial_number=installed.serial_number
        )
    assert refused.value.problem.status == 404
    assert len(await ordering.registry.events("certificate.store_changed")) == 2

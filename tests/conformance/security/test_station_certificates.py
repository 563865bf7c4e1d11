"""Use cases A02 and A03 of the security whitepaper: a station's own certificate."""

from collections.abc import AsyncIterator, Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Asked, Payload, PlayedStation
from tests.conformance.security.requests import (
    ACCEPTED,
    Key,
    asked_for,
    certificates,
    request_is,
    sign,
)
from tests.conformance.security.secured import PASSWORD, Way, by, refusal, status_of
from tests.conformance.security.trust import OPERATOR, Trust, issued
from tests.integration.waiting import eventually

BASIC = Way(password=PASSWORD)


@pytest.fixture
def key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def station(
    run: RunState, trust: Trust, central: CentralSystem
) -> AsyncIterator[PlayedStation]:
    """A station of security profile 1 that has booted."""
    await central.create(security_profile=1, password=PASSWORD)
    async with by(BASIC, run, trust, central) as booted:
        await booted.boot(chargePointSerialNumber="SN-at-boot")
        await booted.status(1, "Available")
        yield booted


async def certificate_is(central: CentralSystem, status: str) -> Payload:
    """Read the newest certificate once it stands there."""
    found = await certificates(
        central,
        lambda found: bool(found["certificates"]) and found["certificates"][0]["status"] == status,
    )
    newest: Payload = found["certificates"][0]
    return newest


async def own_events(central: CentralSystem, type_: str) -> list[Payload]:
    """Read the suite's own security events of a type once there are any."""
    return await eventually(
        lambda: central.operator.items(
            "/security-events", station_id=central.station_id, type=type_, source="suite"
        ),
        bool,
    )


def leaf(asked: Asked) -> x509.Certificate:
    """Read the station's certificate out of CertificateSigned."""
    return x509.load_pem_x509_certificates(asked.payload["certificateChain"].encode())[0]


async def test_a02_update_of_the_certificate_by_request_of_the_central_system(
    run: RunState, trust: Trust, station: PlayedStation, central: CentralSystem, key: Key
) -> None:
    """From the trigger to a connection with the certificate (security profile 3)."""
    trigger = {"requestedMessage": "SignChargePointCertificate"}
    await central.command(station, "ExtendedTriggerMessage", trigger, ACCEPTED)
    assert await sign(station, asked_for(key, station.station_id)) == "Accepted"
    asked = await station.asked("CertificateSigned")
    certificate = leaf(asked)
    assert certificate.public_key() == key.public_key()
    assert await request_is(central, "signed")
    await station.answer(asked, ACCEPTED)
    request = await request_is(central, "installed")
    kept = await certificate_is(central, "installed")
    assert kept["certificate_id"] == request["certificate_id"]
    assert kept["source"] == "builtin"
    assert (request["common_name"], request["organization"]) == (station.station_id, OPERATOR)
    profile = {"key": "SecurityProfile", "value": "3"}
    await central.command(station, "ChangeConfiguration", profile, ACCEPTED)
    own = Way(tls=True, certificate=issued(asked.payload["certificateChain"], key))
    assert await status_of(own, run, trust, central) == 101
    await central.station(lambda found: found["security_profile"] == 3)
    # Revoked, it opens nothing any more (2.6.3).
    revoke = f"/certificates/{kept['certificate_id']}/revoke"
    (await central.operator.http.post(revoke, json={})).raise_for_status()
    assert await status_of(own, run, trust, central) == 403
    row = await refusal(central, "bad_certificate", 403)
    assert "revoked" in row["detail"]


async def test_a03_update_of_the_certificate_initiated_by_the_station(
    station: PlayedStation, central: CentralSystem, key: Key
) -> None:
    """Twice: the newer certificate is beside the older one (A03.FR.09)."""
    ids = []
    for own in (key, ec.generate_private_key(ec.SECP256R1())):
        assert await sign(station, asked_for(own, station.station_id)) == "Accepted"
        await station.answer(await station.asked("CertificateSigned"), ACCEPTED)
        ids.append((await certificate_is(central, "installed"))["certificate_id"])
        await request_is(central, "installed")
    assert len(set(ids)) == 2
    found = await certificates(central, lambda found: len(found["certificates"]) == 2)
    assert {one["status"] for one in found["certificates"]} == {"installed"}


async def test_a02_a_station_that_rejects_its_certificate(
    station: PlayedStation, central: CentralSystem, key: Key
) -> None:
    """An operator hears of it, nothing is sent again, and a new request is a new try."""
    assert await sign(station, asked_for(key, station.station_id)) == "Accepted"
    await station.answer(await station.asked("CertificateSigned"), {"status": "Rejected"})
    refused = await request_is(central, "refused")
    assert refused["detail"] == "the station refused the certificate: it answered Rejected"
    await certificate_is(central, "refused")
    (event,) = await own_events(central, "CertificateNotInstalled")
    assert event["critical"]
    trigger = {"requestedMessage": "SignChargePointCertificate"}
    await central.command(station, "ExtendedTriggerMessage", trigger, ACCEPTED)
    another = ec.generate_private_key(ec.SECP256R1())
    assert await sign(station, asked_for(another, station.station_id)) == "Accepted"
    await station.answer(await station.asked("CertificateSigned"), ACCEPTED)
    await request_is(central, "installed")


async def test_a02_a_station_that_answers_its_certificate_by_an_error(
    station: PlayedStation, central: CentralSystem, key: Key
) -> None:
    assert await sign(station, asked_for(key, station.station_id)) == "Accepted"
    await station.refuse(await station.asked("CertificateSigned"), "NotSupported")
    await request_is(central, "refused")
    (event,) = await own_events(central, "CertificateNotInstalled")
    assert "NotSupported" in event["detail"]


async def test_a02_the_certificate_waits_for_a_station_that_is_away(
    run: RunState, trust: Trust, central: CentralSystem, key: Key
) -> None:
    """It dies with the certificate in its hands, and gets the same one again."""
    await central.create(security_profile=1, password=PASSWORD)
    async with by(BASIC, run, trust, central) as station:
        await station.boot()
        await station.status(1, "Available")
        assert await sign(station, asked_for(key, station.station_id)) == "Accepted"
        first = await station.asked("CertificateSigned")
    async with by(BASIC, run, trust, central) as station:
        again = await station.asked("CertificateSigned")
        assert again.payload == first.payload
        await station.answer(again, ACCEPTED)
        await request_is(central, "installed")
        found = await certificates(central, bool)
        assert len(found["certificates"]) == 1


async def test_a02_the_same_request_again_and_another_one_meanwhile(
    station: PlayedStation, central: CentralSystem, key: Key
) -> None:
    request = asked_for(key, station.station_id)
    assert await sign(station, request) == "Accepted"
    asked = await station.asked("CertificateSigned")
    assert await sign(station, request) == "Accepted"
    another = ec.generate_private_key(ec.SECP256R1())
    assert await sign(station, asked_for(another, station.station_id)) == "Rejected"
    found = await certificates(central, lambda found: len(found["requests"]) == 2)
    assert [one["problem"] for one in found["requests"]] == ["request_open", None]
    await station.answer(asked, ACCEPTED)
    await certificate_is(central, "installed")
    assert station.nothing_asked()


async def test_a02_a_certificate_that_is_longer_than_the_station_takes(
    station: PlayedStation, central: CentralSystem, key: Key
) -> None:
    """7.3, CertificateSignedMaxChainSize: it is not sent, and an operator hears of it."""
    limit = {"key": "CertificateSignedMaxChainSize", "readonly": True, "value": "500"}
    await central.command(station, "GetConfiguration", {}, {"configurationKey": [limit]})
    await eventually(
        lambda: central.operator.get(f"/stations/{central.station_id}/configuration"),
        lambda found: bool(found["items"]),
    )
    assert await sign(station, asked_for(key, station.station_id)) == "Accepted"
    request = await request_is(central, "failed")
    assert "the station takes 500" in request["detail"]
    (event,) = await own_events(central, "CertificateSigningFailed")
    assert event["critical"]
    path = f"/stations/{central.station_id}/commands/CertificateSigned"
    refused = await central.operator.http.post(path, json={"certificateChain": "x" * 501})
    assert (refused.status_code, refused.json()["code"]) == (422, "certificate_chain_too_long")
    assert station.nothing_asked()


def _signed_by_another(key: Key, name: str) -> str:
    """Put another public key under a signature: nobody has proved to have its private key."""
    own, other = (
        x509.load_pem_x509_csr(asked_for(one, name).encode())
        for one in (key, ec.generate_private_key(ec.SECP256R1()))
    )
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    forged = own.public_bytes(encoding).replace(
        own.public_key().public_bytes(encoding, form),
        other.public_key().public_bytes(encoding, form),
    )
    made = x509.load_der_x509_csr(forged)
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (lambda key, name: asked_for(key, f"not-{name}"[:64]), "common_name_wrong"),
        (lambda key, _: asked_for(key, "SN-at-boot"), "common_name_wrong"),
        (lambda key, name: asked_for(key, name, "Another operator"), "organization_wrong"),
        (_signed_by_another, "signature_invalid"),
        (lambda key, name: "MIIB" + asked_for(key, name)[60:], "unreadable"),
    ],
    ids=["CN", "CN of the boot", "O", "signature", "no PEM"],
)
async def test_a02_a_request_that_is_not_signed(
    station: PlayedStation,
    central: CentralSystem,
    key: Key,
    made: Callable[[Key, str], str],
    problem: str,
) -> None:
    """A02.FR.12: Rejected, with a security event; nothing is issued."""
    assert await sign(station, made(key, station.station_id)) == "Rejected"
    request = await request_is(central, "rejected")
    assert request["problem"] == problem
    (event,) = await own_events(central, "CertificateRequestRefused")
    assert event["detail"].startswith(f"{problem}: ")
    assert (await certificates(central, bool))["certificates"] == []
    # The next one that is sound is signed.
    assert await sign(station, asked_for(key, station.station_id)) == "Accepted"
    await station.answer(await station.asked("CertificateSigned"), ACCEPTED)
    await request_is(central, "installed")


async def test_a02_a_request_by_the_serial_number_that_an_operator_registered(
    run: RunState, trust: Trust, central: CentralSystem, key: Key
) -> None:
    """A00.FR.405, 511."""
    serial_number = f"SN-{central.station_id}"
    await central.create(
        security_profile=1, password=PASSWORD, registered_serial_number=serial_number
    )
    async with by(BASIC, run, trust, central) as station:
        await station.boot()
        await station.status(1, "Available")
        assert await sign(station, asked_for(key, serial_number)) == "Accepted"
        await station.answer(await station.asked("CertificateSigned"), ACCEPTED)
        assert (await request_is(central, "installed"))["common_name"] == serial_number


async def test_a02_a_request_of_a_station_that_proved_nothing(
    run: RunState, trust: Trust, central: CentralSystem, key: Key
) -> None:
    """Security profile 0: whoever knows the station's name could have sent it."""
    async with by(Way(), run, trust, central) as station:
        await station.boot()
        await station.status(1, "Available")
        assert await sign(station, asked_for(key, station.station_id)) == "Rejected"
    request = await request_is(central, "rejected")
    assert request["problem"] == "profile_too_low"
    (event,) = await own_events(central, "CertificateRequestRefused")
    assert not event["critical"]

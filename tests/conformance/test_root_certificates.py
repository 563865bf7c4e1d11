"""Use cases M03 to M05 of the security whitepaper: the root certificates in a station's store."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import ocsp

from csms_simulator.certificates import Authority
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation
from tests.integration.waiting import eventually

TYPES = ("CentralSystemRootCertificate", "ManufacturerRootCertificate")
ACCEPTED = {"status": "Accepted"}


def hash_data(certificate: x509.Certificate) -> Payload:
    """Return a root's CertificateHashDataType, as a station computes it (RFC 6960, 4.1.1)."""
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, certificate, SHA256()).build()
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": request.issuer_name_hash.hex(),
        "issuerKeyHash": request.issuer_key_hash.hex(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


async def store(
    central: CentralSystem, holds: Callable[[Payload], bool] = bool
) -> tuple[set[tuple[str, str]], Payload]:
    """Read what is known of the station's store once it is so: types with serial numbers."""

    async def read() -> Payload:
        found: Payload = await central.operator.get(f"/stations/{central.station_id}/certificates")
        return found

    found = await eventually(read, holds)
    return {(one["certificate_type"], one["serial_number"]) for one in found["installed"]}, found


def serial(authority: Authority) -> str:
    """Return a root's serial number as it is kept."""
    return f"{authority.certificate.serial_number:X}"


async def install(
    central: CentralSystem,
    station: PlayedStation,
    authority: Authority,
    status: str = "Accepted",
    certificate_type: str = TYPES[0],
) -> Payload:
    """Send InstallCertificate, which the station answers so."""
    payload = {"certificateType": certificate_type, "certificate": authority.pem.decode()}
    return await central.command(station, "InstallCertificate", payload, {"status": status})


async def listed(
    central: CentralSystem, station: PlayedStation, roots: list[Authority], type_: str = TYPES[0]
) -> None:
    """Have the station list its store."""
    answer: Payload = {"status": "NotFound"}
    if roots:
        data = [hash_data(root.certificate) for root in roots]
        answer = {"status": "Accepted", "certificateHashData": data}
    payload = {"certificateType": type_}
    await central.command(station, "GetInstalledCertificateIds", payload, answer)
    await store(central, lambda found: type_ in found["listed_at"])


@pytest.mark.parametrize("type_", TYPES)
async def test_m05_install_a_certificate(
    station: PlayedStation, central: CentralSystem, type_: str
) -> None:
    root = Authority("Operator")
    command = await install(central, station, root, certificate_type=type_)
    assert command["accepted"]
    held, found = await store(central, lambda found: bool(found["installed"]))
    assert held == {(type_, serial(root))}
    (kept,) = found["installed"]
    assert kept["certificate"].strip() == root.pem.decode().strip()
    assert kept["issuer_key_hash"] == hash_data(root.certificate)["issuerKeyHash"]


@pytest.mark.parametrize("status", ["Failed", "Rejected"])
async def test_m05_install_a_certificate_that_the_station_does_not_take(
    station: PlayedStation, central: CentralSystem, status: str
) -> None:
    """M05.FR.03, 04 and 06."""
    one, other = Authority("Operator"), Authority("Operator")
    command = await install(central, station, one, status)
    assert (command["status"], command["accepted"]) == ("completed", False)
    await install(central, station, other)
    held, _ = await store(central, lambda found: bool(found["installed"]))
    assert held == {(TYPES[0], serial(other))}


async def test_m04_delete_a_certificate(station: PlayedStation, central: CentralSystem) -> None:
    one, other = Authority("Operator"), Authority("Operator")
    for root in (one, other):
        await install(central, station, root)
    await store(central, lambda found: len(found["installed"]) == 2)
    payload = {"certificateHashData": hash_data(one.certificate)}
    command = await central.command(station, "DeleteCertificate", payload, ACCEPTED)
    assert command["accepted"]
    held, _ = await store(central, lambda found: len(found["installed"]) == 1)
    assert held == {(TYPES[0], serial(other))}


async def test_m04_delete_a_certificate_by_its_serial_number(
    station: PlayedStation, central: CentralSystem
) -> None:
    """The suite puts the hashes together, by the algorithm that is known of it (M04.FR.07)."""
    root = Authority("Operator")
    await install(central, station, root)
    await store(central, lambda found: bool(found["installed"]))
    path = f"/stations/{central.station_id}/certificates/delete?wait=0"
    sent = await central.operator.http.post(path, json={"serial_number": serial(root)})
    assert sent.status_code in (200, 202), sent.text
    asked = await station.asked("DeleteCertificate")
    data = asked.payload["certificateHashData"]
    assert {name: text.lower() for name, text in data.items()} == {
        name: text.lower() for name, text in hash_data(root.certificate).items()
    }
    await station.answer(asked, ACCEPTED)
    await store(central, lambda found: not found["installed"])


@pytest.mark.parametrize(("status", "left"), [("Failed", 1), ("NotFound", 0)])
async def test_m04_delete_a_certificate_that_the_station_does_not_delete(
    station: PlayedStation, central: CentralSystem, status: str, left: int
) -> None:
    """M04.FR.03, 04 and 06: what it keeps is kept here, what it never had is not."""
    root, mark = Authority("Operator"), Authority("Operator")
    await install(central, station, root)
    payload = {"certificateHashData": hash_data(root.certificate)}
    command = await central.command(station, "DeleteCertificate", payload, {"status": status})
    assert (command["status"], command["accepted"]) == ("completed", False)
    # What follows is seen after it: then nothing of it is under way any more.
    await install(central, station, mark, certificate_type=TYPES[1])
    held, _ = await store(
        central, lambda found: TYPES[1] in {one["certificate_type"] for one in found["installed"]}
    )
    assert ((TYPES[0], serial(root)) in held) is bool(left)


async def test_m03_list_the_certificates(station: PlayedStation, central: CentralSystem) -> None:
    """What the station lists is what it has, also what somebody else installed or deleted."""
    ours, gone, theirs = (Authority("Operator") for _ in range(3))
    for root in (ours, gone):
        await install(central, station, root)
    await store(central, lambda found: len(found["installed"]) == 2)
    await listed(central, station, [ours, theirs])
    held, found = await store(central)
    assert held == {(TYPES[0], serial(ours)), (TYPES[0], serial(theirs))}
    known = {one["serial_number"]: one["certificate"] for one in found["installed"]}
    assert known[serial(ours)] is not None
    assert known[serial(theirs)] is None


async def test_m03_there_are_none(station: PlayedStation, central: CentralSystem) -> None:
    """M03.FR.02: NotFound, of that type only."""
    one, other = Authority("Operator"), Authority("Maker")
    await install(central, station, one)
    await install(central, station, other, certificate_type=TYPES[1])
    await store(central, lambda found: len(found["installed"]) == 2)
    await listed(central, station, [])
    held, _ = await store(central)
    assert held == {(TYPES[1], serial(other))}


async def test_m03_refused_by_a_station_without_the_security_extension(
    station: PlayedStation, central: CentralSystem
) -> None:
    payload = {"certificateType": TYPES[0]}
    command = await central.refused_command(
        station, "GetInstalledCertificateIds", payload, "NotImplemented"
    )
    assert command["status"] == "error"
    held, found = await store(central)
    assert held == set()
    assert found["listed_at"] == {}

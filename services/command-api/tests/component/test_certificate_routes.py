"""REST of certificates and security events."""

import httpx
import pytest
from command_api_fakes import Stations, api_key, is_problem

from csms_shared.contracts.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")

EMPTY: dict[str, object] = {"items": [], "next_cursor": None}
HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "ab",
    "issuerKeyHash": "cd",
    "serialNumber": "FFF",
}


async def test_the_filters_of_security_events_reach_the_registry(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["security_events.list"] = lambda _: EMPTY
    query = {
        "station_id": "A",
        "type": "TamperDetectionActivated",
        "critical": "true",
        "from": "2026-11-21T00:00:00Z",
        "to": "2026-11-22T00:00:00+01:00",
        "limit": "7",
    }
    answer = await admin.get("/security-events", params=query)
    assert answer.json() == EMPTY
    asked = stations.registry.asked("security_events.list")[-1]
    assert asked == {
        "station_id": "A",
        "type": "TamperDetectionActivated",
        "critical": True,
        "from_time": "2026-11-21T00:00:00.000Z",
        "to_time": "2026-11-21T23:00:00.000Z",
        "limit": 7,
    }
    assert (await admin.get("/security-events?from=2026-11-21T00:00:00")).status_code == 200
    without_a_zone = stations.registry.asked("security_events.list")[-1]["from_time"]
    assert without_a_zone == "2026-11-21T00:00:00.000Z"


async def test_certificates_are_listed_shown_and_revoked(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    operations = stations.registry.operations
    operations["certificates.list"] = lambda _: EMPTY
    for name in ("certificates.get", "certificates.revoke", "certificates.of_station"):
        operations[name] = lambda parameters: parameters
    operations["certificate_authority.get"] = lambda _: {"subject": "CN=x"}
    operations["certificate_authority.crl"] = lambda _: {"crl": "-----BEGIN X509 CRL-----"}
    listed = await admin.get("/certificates?revoked=false&expires_within_days=30&status=installed")
    assert listed.json() == EMPTY
    assert stations.registry.asked("certificates.list")[-1] == {
        "revoked": False,
        "expires_within_days": 30,
        "status": "installed",
        "limit": 50,
    }
    assert (await admin.get("/certificates/ab")).json() == {"certificate_id": "ab"}
    revoked = await admin.post("/certificates/ab/revoke", json={"reason": "superseded"})
    assert revoked.json() == {"certificate_id": "ab", "reason": "superseded"}
    assert (await admin.post("/certificates/ab/revoke")).json()["reason"] == "unspecified"
    wrong = await admin.post("/certificates/ab/revoke", json={"reason": "because"})
    is_problem(wrong, 422, "validation_failed")
    assert (await admin.get("/stations/A%2F1/certificates")).json() == {"station_id": "A/1"}
    assert (await admin.get("/certificate-authority")).json() == {"subject": "CN=x"}
    crl = await admin.get("/certificate-authority/crl")
    assert crl.text == "-----BEGIN X509 CRL-----"
    assert crl.headers["content-type"].startswith("application/x-pem-file")


async def test_an_authority_that_can_not_sign_is_told_with_what_is_wrong(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    def unusable(_: object) -> None:
        raise refuse(503, "authority_unusable", "its certificate: keyUsage is missing")

    for name, path in (("get", ""), ("crl", "/crl")):
        stations.registry.operations[f"certificate_authority.{name}"] = unusable
        answer = await admin.get(f"/certificate-authority{path}")
        problem = is_problem(answer, 503, "authority_unusable")
        assert problem["detail"] == "its certificate: keyUsage is missing"


async def test_only_administrators_revoke_and_delete(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    operator = await api_key(admin, "operator")
    for path, body in (
        ("/certificates/ab/revoke", {}),
        ("/stations/A/certificates/delete", {"serial_number": "FFF"}),
    ):
        answer = await httpx.AsyncClient(base_url=admin.base_url, headers=operator).post(
            path, json=body
        )
        assert answer.status_code == 403


async def test_a_root_is_deleted_by_its_serial_number_with_the_hashes_known_of_it(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["certificates.hash_data"] = lambda _: HASHES
    station_id = stations.online()
    answer = await admin.post(
        f"/stations/{station_id}/certificates/delete", json={"serial_number": "fff"}
    )
    assert answer.status_code == 200, answer.text
    (sent,) = stations.gateway.commands_to(station_id)
    assert (sent.action, sent.payload) == ("DeleteCertificate", {"certificateHashData": HASHES})
    assert stations.registry.asked("certificates.hash_data")[-1] == {
        "station_id": station_id,
        "serial_number": "fff",
    }


async def test_without_hashes_nothing_is_sent(admin: httpx.AsyncClient, stations: Stations) -> None:
    def unknown(_: object) -> object:
        raise refuse(409, "hash_data_unknown", "ask the station first")

    stations.registry.operations["certificates.hash_data"] = unknown
    station_id = stations.online()
    path = f"/stations/{station_id}/certificates/delete"
    is_problem(await admin.post(path, json={"serial_number": "FFF"}), 409, "hash_data_unknown")
    wrong = await admin.post(path, json={"serial_number": "not hex"})
    is_problem(wrong, 422, "validation_failed")
    assert stations.gateway.commands_to(station_id) == []

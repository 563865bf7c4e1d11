"""Ends of authorities and of root certificates in stations, against a real PostgreSQL."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from driven_registry import Registry

from csms_shared.runtime.clock import utc_now
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time
from csms_simulator.certificates import Authority
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority
from station_registry.certificates.handlers.root_expiry import watch_roots

TYPE = "CentralSystemRootCertificate"


async def expiring(registry: Registry, key: str) -> list[dict[str, Any]]:
    async with registry.engine.begin() as connection:
        await watch_roots(365, 30).work(connection)
    return [event["data"] for event in await registry.events(key)]


async def installed(registry: Registry, station_id: str, authority: Authority) -> None:
    now = format_time(utc_now())
    data = {
        "command_id": str(uuid.uuid4()),
        "station_id": station_id,
        "action": "InstallCertificate",
        "payload": {"certificateType": TYPE, "certificate": authority.pem.decode()},
        "status": "completed",
        "accepted": True,
        "response": {"status": "Accepted"},
        "created_by": "admin",
        **dict.fromkeys(("created_at", "sent_at", "completed_at", "deadline"), now),
    }
    event = {
        "id": data["command_id"],
        "source": "/csms/command-api",
        "type": "csms.command.completed.v1",
        "subject": station_id,
        "time": now,
        "data": data,
    }
    await registry.send([Work("events.v1", {}, [event])])


async def test_a_root_that_ends_soon_is_told_once_for_each_station_that_has_it(
    registry: Registry,
) -> None:
    ending, lasting = Authority("Operator", days=(-300, 29)), Authority("Operator")
    for station_id in ("A", "B", "C"):
        await registry.request("stations.create", station_id=station_id)
        await installed(registry, station_id, lasting)
    for station_id in ("A", "B"):
        await installed(registry, station_id, ending)
    for _ in range(2):
        told = await expiring(registry, "certificate.root_expiring")
        assert {one["station_id"] for one in told} == {"A", "B"}
        assert len(told) == 2
    serial = f"{ending.certificate.serial_number:X}"
    assert {(one["certificate_type"], one["serial_number"]) for one in told} == {(TYPE, serial)}
    # Installed again, it is not told again.
    await installed(registry, "A", ending)
    assert len(await expiring(registry, "certificate.root_expiring")) == 2
    assert registry.parked == []


async def test_a_root_that_is_gone_is_not_told(registry: Registry) -> None:
    for station_id in ("A", "B"):
        await registry.request("stations.create", station_id=station_id)
        await installed(registry, station_id, Authority("Operator", days=(-300, 29)))
    await registry.query("UPDATE installed_certificate SET present = false WHERE station_id = 'A'")
    await registry.request("stations.delete", station_id="B")
    assert await expiring(registry, "certificate.root_expiring") == []


@pytest.mark.parametrize(("days", "told"), [(366, 0), (364, 1)])
async def test_an_authority_is_told_once_what_it_signs_ends_with_it(
    registry: Registry, tmp_path: Path, days: int, told: int
) -> None:
    registry.authority = BuiltInAuthority(tmp_path / "ca", "a passphrase of tests", "Operator", 365)
    authority = await registry.request("certificate_authority.get")
    await registry.query(
        "UPDATE certificate_authority SET not_after = now() + :days", days=timedelta(days=days)
    )
    for _ in range(2):
        events = await expiring(registry, "certificate_authority.expiring")
        assert [one["fingerprint"] for one in events] == [authority.fingerprint] * told

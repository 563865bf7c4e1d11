"""Security profiles as they are stored, upgraded and told of."""

import base64
from typing import Any
from uuid import uuid4

import pytest
from driven_registry import Registry, content_of

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.contracts.ownership import ClaimReply
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from csms_simulator.certificates import Authority, Issued
from station_registry.certificates.domain.details import details
from station_registry.certificates.store import certificates
from station_registry.credentials.domain.security_profiles import ProfileRules
from station_registry.credentials.handlers.security_profiles import note_profile_changes
from station_registry.ocpp.v16.credentials import read_profile_change
from station_registry.provisioning.domain.registration import Policies

AUTHORITY = Authority("Operator")


@pytest.fixture(autouse=True)
def _rules(registry: Registry) -> None:
    registry.policies = Policies(
        unknown_stations="accept", profiles=ProfileRules(operator_name="Operator")
    )


def _shown(issued: Issued) -> dict[str, Any]:
    return {"tls": True, "certificate": base64.b64encode(issued.der).decode()}


async def _outcome(registry: Registry, station_id: str, **presented: Any) -> str:
    claim = registry.claim(station_id, uuid4().hex, **presented)
    (reply,) = [
        reply for reply in await registry.send([claim]) if reply.type.value == "claim-replies.v1"
    ]
    return str(content_of(reply, ClaimReply).outcome)


def _ended(station_id: str, profile: str, status: str, answer: str | None) -> CompletedCommand:
    return CompletedCommand(
        command_id=uuid4(),
        station_id=station_id,
        action="ChangeConfiguration",
        payload={"key": "SecurityProfile", "value": profile},
        status=status,
        response=None if answer is None else {"status": answer},
        created_by="admin",
        created_at="2026-11-21T10:00:00Z",
        completed_at="2026-11-21T10:00:01Z",
        deadline="2026-11-21T10:00:30Z",
    )


async def _note(registry: Registry, *commands: CompletedCommand) -> None:
    changes = [read_profile_change(command) for command in commands]
    async with registry.engine.begin() as connection:
        await note_profile_changes(connection, [each for each in changes if each is not None])


async def test_a_certificate_lets_in_whom_it_names_by_id_or_registered_serial_number(
    registry: Registry,
) -> None:
    for name in ("A", "B"):
        await registry.request("stations.create", station_id=name, security_profile=3)
    await registry.request(
        "stations.change",
        station_id="B",
        set={"registered_serial_number"},
        registered_serial_number="SN-B",
    )
    outcomes = [
        await _outcome(registry, station_id, **_shown(AUTHORITY.station(name, kind=kind)))
        for station_id, name, kind in [
            ("A", "A", "ecdsa"),
            ("A", "A", "rsa"),
            ("B", "SN-B", "ecdsa"),
            ("B", "A", "ecdsa"),
            ("A", "SN-B", "ecdsa"),
        ]
    ]
    assert outcomes == ["accepted", "accepted", "accepted", "bad_certificate", "bad_certificate"]


async def test_a_serial_number_reported_at_boot_opens_nothing(registry: Registry) -> None:
    await registry.request("stations.create", station_id="A", security_profile=0)
    await registry.send([registry.claim("A", "c1")])
    boot = {**registry.boot(), "chargePointSerialNumber": "SN-X", "chargeBoxSerialNumber": "SN-X"}
    await registry.send([registry.call("BootNotification", "A", boot)])
    assert (await registry.request("stations.get", station_id="A")).serial_number == "SN-X"
    await registry.request(
        "stations.change", station_id="A", set={"security_profile"}, security_profile=3
    )
    shown = _shown(AUTHORITY.station("SN-X"))
    assert await _outcome(registry, "A", **shown) == "bad_certificate"


async def test_a_certificate_that_was_revoked_here_lets_nobody_in(registry: Registry) -> None:
    await registry.request("stations.create", station_id="A", security_profile=3)
    issued = AUTHORITY.station("A")
    shown = details(issued.certificate)
    assert shown is not None
    async with registry.engine.begin() as connection:
        await certificates.save(connection, "A", shown, shown.pem, "external", None)
    assert await _outcome(registry, "A", **_shown(issued)) == "accepted"
    await registry.request(
        "certificates.revoke", certificate_id=shown.fingerprint, reason="key_compromise"
    )
    assert await _outcome(registry, "A", **_shown(issued)) == "bad_certificate"
    assert await _outcome(registry, "A", **_shown(AUTHORITY.station("A"))) == "accepted"


async def test_one_certificate_never_names_two_stations(registry: Registry) -> None:
    await registry.request("stations.create", station_id="A", registered_serial_number="SN-1")
    for clash, field in (
        ({"station_id": "B", "registered_serial_number": "SN-1"}, "registered_serial_number"),
        ({"station_id": "B", "registered_serial_number": "A"}, "registered_serial_number"),
        ({"station_id": "SN-1"}, "station_id"),
    ):
        with pytest.raises(ProblemRaised) as refused:
            await registry.request("stations.create", **clash)
        problem = refused.value.problem
        assert (problem.code, problem.errors[0].field) == ("serial_number_taken", field)
    await registry.request("stations.delete", station_id="A")
    await registry.request("stations.create", station_id="B", registered_serial_number="SN-1")


async def test_an_upgrade_counts_from_its_offer_to_the_first_connection_with_it(
    registry: Registry,
) -> None:
    password = {"credential_proofs": ["aa"]}
    await registry.request("stations.create", station_id="A", security_profile=1, **password)
    assert await _outcome(registry, "A", tls=True, **password) == "wrong_security_profile"
    await registry.request("stations.offer_profile", station_id="A", security_profile=2)
    await _note(registry, _ended("A", "2", "completed", "Accepted"))
    view = await registry.request("stations.get", station_id="A")
    assert (view.security_profile, view.upgrade_profile) == (1, 2)
    assert await _outcome(registry, "A", **password) == "accepted"
    assert await _outcome(registry, "A", tls=True, **password) == "accepted"
    assert await _outcome(registry, "A", **password) == "wrong_security_profile"
    view = await registry.request("stations.get", station_id="A")
    assert (view.security_profile, view.upgrade_profile) == (2, None)
    (told,) = await registry.events("station.security_profile_raised")
    assert (told["data"]["previous_security_profile"], told["data"]["security_profile"]) == (1, 2)
    # What comes late or again changes nothing.
    await _note(registry, _ended("A", "2", "completed", "Accepted"))
    assert (await registry.request("stations.get", station_id="A")).upgrade_profile is None


@pytest.mark.parametrize(
    ("status", "answer", "upgrade"),
    [
        ("completed", "Accepted", 2),
        ("completed", "RebootRequired", 2),
        ("completed", "Rejected", None),
        ("completed", "NotSupported", None),
        ("outcome_unknown", None, 2),
        ("station_offline", None, None),
        ("expired", None, None),
        ("error", None, None),
    ],
)
async def test_what_became_of_the_command_decides_whether_the_way_stays_open(
    registry: Registry, status: str, answer: str | None, upgrade: int | None
) -> None:
    await registry.request(
        "stations.create", station_id="A", security_profile=1, credential_proofs=["aa"]
    )
    await registry.request("stations.offer_profile", station_id="A", security_profile=2)
    await _note(registry, _ended("A", "2", status, answer), _ended("nobody", "2", status, answer))
    assert (await registry.request("stations.get", station_id="A")).upgrade_profile == upgrade


async def test_ocpp_never_lowers_a_profile_and_an_operator_may(registry: Registry) -> None:
    await registry.request(
        "stations.create", station_id="A", security_profile=2, credential_proofs=["aa"]
    )
    with pytest.raises(ProblemRaised) as refused:
        await registry.request("stations.offer_profile", station_id="A", security_profile=1)
    assert refused.value.problem.code == "security_profile_not_higher"
    await _note(registry, _ended("A", "1", "completed", "Accepted"))
    view = await registry.request("stations.get", station_id="A")
    assert (view.security_profile, view.upgrade_profile) == (2, None)
    view = await registry.request(
        "stations.change", station_id="A", set={"security_profile"}, security_profile=1
    )
    assert view.security_profile == 1


async def test_the_suites_least_profile_holds_for_everybody_and_takes_in_no_strangers(
    registry: Registry,
) -> None:
    rules = ProfileRules(2, "Operator")
    registry.policies = Policies(unknown_stations="accept", profiles=rules)
    with pytest.raises(ProblemRaised) as refused:
        await registry.request("stations.create", station_id="A", security_profile=1)
    assert refused.value.problem.status == 422
    await registry.request("stations.create", station_id="A")
    change = {"station_id": "A", "set": {"security_profile"}, "security_profile": 1}
    with pytest.raises(ProblemRaised) as refused:
        await registry.request("stations.change", **change)
    assert refused.value.problem.status == 422
    assert await _outcome(registry, "stranger") == "unknown_station"
    assert await _outcome(registry, "stranger", tls=True) == "unknown_station"
    assert await registry.query("SELECT 1 FROM station WHERE station_id = 'stranger'") == []
    shown = _shown(AUTHORITY.station("stranger"))
    assert await _outcome(registry, "stranger", **shown) == "accepted"


async def test_a_refusal_for_security_is_an_event_once_an_hour_and_any_other_is_none(
    registry: Registry,
) -> None:
    hour_ms = 3_600_000
    now = now_ms()

    def refusal(reason: str, station_id: str = "A", times: int = 1, hour: int = 0) -> Work:
        item = {
            "station_id": station_id,
            "remote_address": "192.0.2.1",
            "reason": reason,
            "detail": "why",
            "http_status": 403,
            "refused_ms": now + times,
            "times": times,
            "first_ms": now,
            "period_ms": now - now % hour_ms + hour * hour_ms,
        }
        return Work("refusals.v1", {"gateway_id": "gw-1"}, item)

    works = [
        refusal("bad_certificate"),
        refusal("client_certificate_refused", ""),
        refusal("unknown_station"),
    ]
    await registry.send(works)
    await registry.send([*works, refusal("bad_certificate", times=7)])
    await registry.send([refusal("bad_certificate", hour=1)])
    expected = ["bad_certificate", "bad_certificate", "client_certificate_refused"]
    told = await registry.events("security.connection_refused")
    assert sorted(event["data"]["reason"] for event in told) == expected
    assert len({event["id"] for event in told}) == 3
    kept = await registry.query("SELECT type, critical, source, detail FROM security_event")
    assert sorted(row.detail.split()[0] for row in kept) == expected
    assert {(row.type, row.critical, row.source) for row in kept} == {
        ("ConnectionRefused", False, "suite")
    }

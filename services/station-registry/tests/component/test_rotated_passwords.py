"""A rotation whose answer was lost, through claims, against a real PostgreSQL."""

import uuid
from datetime import datetime
from typing import Any

import pytest
from driven_registry import Registry, content_of

from csms_shared.contracts.ownership import ClaimOutcome, ClaimReply
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.service.inbox import Work

OLD, NEW = "aa" * 32, "bb" * 32


async def connect(registry: Registry, connection_id: str, proof: str) -> ClaimOutcome:
    claim = registry.claim("A", connection_id, credential_proofs=[proof], security_profile=1)
    replies = await registry.send([claim])
    outcome = content_of(replies[0], ClaimReply).outcome
    assert isinstance(outcome, ClaimOutcome)
    return outcome


@pytest.mark.parametrize(("used", "other"), [(OLD, NEW), (NEW, OLD)])
async def test_the_first_password_that_the_station_uses_is_the_only_one_afterwards(
    registry: Registry, used: str, other: str
) -> None:
    await registry.request("stations.create", station_id="A", credential_proofs=(OLD,))
    for _ in range(2):
        await registry.request(
            "stations.set_password",
            station_id="A",
            credential_proofs=(NEW,),
            keep_previous=True,
            either=True,
        )
    assert await connect(registry, "c1", used) is ClaimOutcome.ACCEPTED
    assert await connect(registry, "c2", other) is ClaimOutcome.BAD_CREDENTIALS
    assert await connect(registry, "c3", used) is ClaimOutcome.ACCEPTED
    (row,) = await registry.query(
        "SELECT cardinality(password_hashes) AS n, cardinality(previous_password_hashes) AS m, "
        "either_password FROM station"
    )
    assert tuple(row) == (1, 0, False)


async def test_a_late_no_ends_with_the_old_password(registry: Registry) -> None:
    await registry.request("stations.create", station_id="A", credential_proofs=(OLD,))
    change = {"station_id": "A", "credential_proofs": (NEW,)}
    await registry.request("stations.set_password", **change, keep_previous=True, either=True)
    await registry.request("stations.set_password", **change, withdrawn=True)
    await registry.request("stations.set_password", **change, withdrawn=True)
    assert await connect(registry, "c1", NEW) is ClaimOutcome.BAD_CREDENTIALS
    assert await connect(registry, "c2", OLD) is ClaimOutcome.ACCEPTED


RESET = {
    "command_id": "0194d6a0-0000-7000-8000-000000000001",
    "station_id": "A",
    "action": "Reset",
    "payload": {"type": "Hard"},
    "status": "completed",
    "accepted": True,
    "response": {"status": "Accepted"},
    "created_by": "admin",
    "created_at": "2026-11-21T10:00:00.000Z",
    "sent_at": "2026-11-21T10:00:00.000Z",
    "deadline": "2026-11-21T11:00:00.000Z",
}


async def reset(registry: Registry, completed_at: str, **more: Any) -> None:
    data = {**RESET, "completed_at": completed_at, **more}
    event = {
        "id": completed_at,
        "source": "/csms/command-api",
        "type": "csms.command.completed.v1",
        "subject": "A",
        "time": completed_at,
        "data": data,
    }
    await registry.send([Work("events.v1", {}, [event])])


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


BEFORE, ANSWERED, AFTER = (f"2026-11-21T10:00:0{second}.000Z" for second in range(3))


@pytest.mark.parametrize("reset_first", [False, True])
async def test_a_change_that_takes_a_reboot_ends_with_the_first_use_after_a_reset(
    registry: Registry, reset_first: bool
) -> None:
    """Whichever of the two is heard of first."""
    await registry.request("stations.create", station_id="A", credential_proofs=(OLD,))
    await reset(registry, BEFORE)
    change = {"station_id": "A", "credential_proofs": (NEW,), "keep_previous": True}
    if reset_first:
        await reset(registry, AFTER)
        await reset(registry, BEFORE)
    await registry.request("stations.set_password", **change, reboot_required_ms=ms(ANSWERED))
    if not reset_first:
        await reset(registry, AFTER, accepted=False)
        for number in range(2):
            assert await connect(registry, f"o{number}", OLD) is ClaimOutcome.ACCEPTED
        await reset(registry, AFTER)
    assert await connect(registry, "c1", OLD) is ClaimOutcome.ACCEPTED
    assert await connect(registry, "c2", NEW) is ClaimOutcome.BAD_CREDENTIALS
    assert await connect(registry, "c3", OLD) is ClaimOutcome.ACCEPTED
    assert registry.parked == []


async def test_a_station_without_a_password_needs_none_until_it_uses_one(
    registry: Registry,
) -> None:
    await registry.request("stations.create", station_id="A")
    change = {"station_id": "A", "credential_proofs": (NEW,), "keep_previous": True}
    await registry.request("stations.set_password", **change, either=True)
    plain = registry.claim("A", "c1")
    (reply,) = await registry.send([plain])
    assert content_of(reply, ClaimReply).outcome is ClaimOutcome.ACCEPTED
    assert not (await registry.request("stations.get", station_id="A")).has_password
    assert await connect(registry, "c2", NEW) is ClaimOutcome.ACCEPTED
    assert (await registry.request("stations.get", station_id="A")).has_password
    (reply,) = await registry.send([registry.claim("A", "c3")])
    assert content_of(reply, ClaimReply).outcome is ClaimOutcome.BAD_CREDENTIALS


async def test_a_second_rotation_is_refused_until_the_first_has_ended(registry: Registry) -> None:
    await registry.request("stations.create", station_id="A", credential_proofs=(OLD,))
    offer = {"station_id": "A", "keep_previous": True, "either": True, "lasts_s": 65.0}
    first = {"rotation": uuid.UUID(int=1), "credential_proofs": (NEW,)}
    second = {"rotation": uuid.UUID(int=2), "credential_proofs": ("cc" * 32,)}
    await registry.request("stations.set_password", **offer, **first)
    with pytest.raises(ProblemRaised) as refused:
        await registry.request("stations.set_password", **offer, **second)
    assert refused.value.problem.code == "rotation_under_way"
    assert await connect(registry, "c1", "cc" * 32) is ClaimOutcome.BAD_CREDENTIALS
    silence = {"station_id": "A", "keep_previous": True, "either": True}
    await registry.request("stations.set_password", **silence, **first)
    await registry.request("stations.set_password", **offer, **second)
    await registry.request("stations.set_password", station_id="A", **second)
    # The answer to the first, a day late, and what it might have been.
    await registry.request("stations.set_password", station_id="A", **first)
    reboot = {"station_id": "A", "keep_previous": True, "reboot_required_ms": ms(ANSWERED)}
    await registry.request("stations.set_password", **reboot, **first)
    (row,) = await registry.query("SELECT password_reboot_at FROM station")
    assert row.password_reboot_at is None
    assert await connect(registry, "c2", NEW) is ClaimOutcome.BAD_CREDENTIALS
    assert await connect(registry, "c3", "cc" * 32) is ClaimOutcome.ACCEPTED

"""A rotation whose answer was lost, through claims, against a real PostgreSQL."""

from typing import Any

import pytest

from csms_shared.contracts.ownership import ClaimOutcome

OLD, NEW = "aa" * 32, "bb" * 32


async def connect(registry: Any, connection_id: str, proof: str) -> ClaimOutcome:
    claim = registry.claim("A", connection_id, credential_proofs=[proof], security_profile=1)
    replies = await registry.send([claim])
    outcome: ClaimOutcome = replies[0].content.outcome
    return outcome


@pytest.mark.parametrize(("used", "other"), [(OLD, NEW), (NEW, OLD)])
async def test_the_first_password_that_the_station_uses_is_the_only_one_afterwards(
    registry: Any, used: str, other: str
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


async def test_a_late_no_ends_with_the_old_password(registry: Any) -> None:
    await registry.request("stations.create", station_id="A", credential_proofs=(OLD,))
    change = {"station_id": "A", "credential_proofs": (NEW,)}
    await registry.request("stations.set_password", **change, keep_previous=True, either=True)
    await registry.request("stations.set_password", **change, withdrawn=True)
    await registry.request("stations.set_password", **change, withdrawn=True)
    assert await connect(registry, "c1", NEW) is ClaimOutcome.BAD_CREDENTIALS
    assert await connect(registry, "c2", OLD) is ClaimOutcome.ACCEPTED

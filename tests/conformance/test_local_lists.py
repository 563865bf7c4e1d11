"""Local authorization lists, kept true to the id tokens (OCPP 1.6, 3.5.2, 5.10, 5.15, errata
3.52)."""

from typing import Any

import pytest

from tests.conformance.central_system import CentralSystem
from tests.conformance.listed_station import ListedStation
from tests.conformance.played_station import PlayedStation

ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def listed(station: PlayedStation, central: CentralSystem) -> ListedStation:
    """A station whose list is empty."""
    return ListedStation(station, central, version=0)


@pytest.fixture
async def holding(listed: ListedStation, id_token: str) -> ListedStation:
    """A station that has taken its first list, with this test's token."""
    await listed.keep(id_token)
    await listed.take(await listed.update())
    await listed.becomes("in_sync")
    return listed


async def test_a_full_list_to_a_station_without_one(listed: ListedStation, id_token: str) -> None:
    await listed.keep(id_token)
    asked = await listed.update()
    assert asked.payload["updateType"] == "Full"
    assert asked.payload["localAuthorizationList"] == [{"idTag": id_token, "idTagInfo": ACCEPTED}]
    await listed.take(asked)
    await listed.is_in_sync()
    assert listed.station.nothing_asked()
    await listed.central.nothing_is_parked()


async def test_what_the_list_says_of_a_token(
    listed: ListedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 7.1 and 7.27: expiry and group go along."""
    expires = "2030-01-01T00:00:00.000Z"
    change = {"expires_at": expires, "group_id": "FAMILY"}
    response = await central.operator.http.patch(f"/id-tokens/{id_token}", json=change)
    assert response.status_code == 200, response.text
    await listed.keep(id_token)
    await listed.take(await listed.update())
    told = {"status": "Accepted", "expiryDate": expires, "parentIdTag": "FAMILY"}
    assert listed.entries == {id_token: told}
    await listed.is_in_sync()


async def test_a_differential_update_adds_and_removes(
    holding: ListedStation, central: CentralSystem, id_token: str
) -> None:
    other = f"{id_token[:-1]}X"
    await central.operator.ensure_id_token(other)
    version = holding.version
    await holding.keep(other)
    asked = await holding.update()
    assert (asked.payload["updateType"], asked.payload["listVersion"]) == (
        "Differential",
        version + 1,
    )
    # What may charge no more goes first, by its bare idTag (6.41).
    assert asked.payload["localAuthorizationList"] == [
        {"idTag": id_token},
        {"idTag": other, "idTagInfo": ACCEPTED},
    ]
    await holding.take(asked)
    await holding.is_in_sync()
    assert holding.entries == {other: ACCEPTED}


async def test_a_blocked_token_is_taken_off_the_list(
    holding: ListedStation, central: CentralSystem, id_token: str
) -> None:
    (await central.operator.http.post(f"/id-tokens/{id_token}/block")).raise_for_status()
    await holding.sync()
    asked = await holding.update()
    assert asked.payload["updateType"] == "Differential"
    assert asked.payload["localAuthorizationList"] == [{"idTag": id_token}]
    await holding.take(asked)
    await holding.is_in_sync()


async def test_an_empty_list_takes_everything_off(holding: ListedStation) -> None:
    await holding.keep()
    await holding.take(await holding.update())
    assert holding.entries == {}
    await holding.is_in_sync()


async def test_an_empty_full_list_to_a_station_that_holds_another(listed: ListedStation) -> None:
    """OCPP 1.6, 6.41: Full without entries removes everything."""
    listed.version = 7
    await listed.keep()
    asked = await listed.update()
    assert asked.payload == {
        "listVersion": 8,
        "updateType": "Full",
        "localAuthorizationList": [],
    }
    await listed.take(asked)
    await listed.is_in_sync()


async def test_a_list_in_the_pieces_that_the_station_takes(
    listed: ListedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 9.2: SendLocalListMaxLength bounds a message, LocalAuthListMaxLength the list."""
    tokens = [f"{id_token[:-1]}{letter}" for letter in "PQRS"]
    for token in tokens:
        await central.operator.ensure_id_token(token)
    listed.limits = {"LocalAuthListMaxLength": "3", "SendLocalListMaxLength": "2"}
    await listed.keep(*tokens)
    first = await listed.update()
    assert (first.payload["updateType"], len(first.payload["localAuthorizationList"])) == (
        "Full",
        2,
    )
    await listed.take(first)
    second = await listed.update()
    assert second.payload["updateType"] == "Differential"
    assert len(second.payload["localAuthorizationList"]) == 1
    await listed.take(second)
    await listed.is_in_sync()
    assert sorted(listed.entries) == tokens[:3]
    kept = await listed.becomes("in_sync")
    assert (kept["left_out"], kept["max_entries"], kept["max_entries_per_message"]) == (1, 3, 2)


@pytest.mark.parametrize(
    ("status", "result"), [("VersionMismatch", "version_mismatch"), ("Failed", "failed")]
)
async def test_a_differential_update_refused_is_followed_by_a_full_list(
    holding: ListedStation, central: CentralSystem, id_token: str, status: str, result: str
) -> None:
    """OCPP 1.6, 5.15."""
    other = f"{id_token[:-1]}X"
    await central.operator.ensure_id_token(other)
    await holding.keep(id_token, other)
    refused = await holding.update()
    assert refused.payload["updateType"] == "Differential"
    await holding.station.answer(refused, {"status": status})
    retrying = await holding.becomes("retrying")
    assert (retrying["failures"], retrying["known_version"]) == (1, None)
    assert retrying["last_result"] == result
    asked = await holding.update()
    assert asked.payload["updateType"] == "Full"
    assert asked.payload["listVersion"] > refused.payload["listVersion"]
    await holding.take(asked)
    assert sorted(holding.entries) == sorted([id_token, other])
    await holding.is_in_sync()


async def test_an_update_refused_as_not_supported_ends_the_updates(
    listed: ListedStation, id_token: str
) -> None:
    await listed.keep(id_token)
    await listed.station.answer(await listed.update(), {"status": "NotSupported"})
    kept = await listed.becomes("unsupported")
    assert (kept["known_version"], kept["next_try_at"]) == (0, None)
    assert kept["last_result"] == "not_supported"
    assert listed.station.nothing_asked()
    # Until an operator says that it has lists now.
    await listed.sync()
    await listed.take(await listed.update())
    await listed.is_in_sync()


async def test_a_station_that_has_no_lists_shows_minus_one(
    listed: ListedStation, id_token: str
) -> None:
    """OCPP 1.6, 5.10."""
    listed.version = -1
    await listed.keep(id_token)
    for _ in range(2):
        await listed.answer_facts(await listed.station.next_asked())
    kept = await listed.becomes("unsupported")
    assert (kept["known_version"], kept["last_sent_version"]) == (-1, 0)
    assert listed.station.nothing_asked()


@pytest.mark.parametrize("code", ["NotSupported", "NotImplemented"])
async def test_a_station_that_knows_nothing_of_lists(
    listed: ListedStation, id_token: str, code: str
) -> None:
    await listed.keep(id_token)
    await listed.answer_facts(await listed.station.asked("GetConfiguration"))
    await listed.station.refuse(await listed.station.asked("GetLocalListVersion"), code)
    await listed.becomes("unsupported")
    assert listed.station.nothing_asked()


async def test_a_station_that_shows_zero_gets_a_full_list(
    holding: ListedStation, id_token: str
) -> None:
    """OCPP 1.6, 5.10: the list is empty, whatever it held before."""
    held, holding.version, holding.entries = holding.version, 0, {}
    await holding.sync()
    asked = await holding.update()
    assert asked.payload["updateType"] == "Full"
    assert asked.payload["listVersion"] > held
    await holding.take(asked)
    await holding.is_in_sync()
    assert sorted(holding.entries) == [id_token]


async def test_a_station_that_shows_another_version_gets_a_full_list(
    holding: ListedStation, central: CentralSystem
) -> None:
    """Also where an operator asked: the list is compared, and replaced by one that is known."""
    holding.version = 4711
    shown = {"listVersion": 4711}
    command = await central.command(holding.station, "GetLocalListVersion", {}, shown)
    assert command["response"] == shown
    asked = await holding.update()
    assert (asked.payload["updateType"], asked.payload["listVersion"]) == ("Full", 4712)
    await holding.take(asked)
    await holding.is_in_sync()


async def test_a_list_that_an_operator_sent_is_replaced_by_the_kept_one(
    holding: ListedStation, central: CentralSystem, id_token: str
) -> None:
    version = holding.version + 40
    sent: dict[str, Any] = {"listVersion": version, "updateType": "Full"}
    await central.command(holding.station, "SendLocalList", sent, ACCEPTED)
    holding.version, holding.entries = version, {}
    assert (await holding.becomes("updating"))["known_version"] is None
    await holding.sync()
    asked = await holding.update()
    assert (asked.payload["updateType"], asked.payload["listVersion"]) == ("Full", version + 1)
    await holding.take(asked)
    await holding.is_in_sync()
    assert sorted(holding.entries) == [id_token]


@pytest.mark.parametrize("version", [0, -1])
async def test_a_list_version_with_a_meaning_of_its_own_is_never_sent(
    station: PlayedStation, central: CentralSystem, version: int
) -> None:
    """Errata 3.52: 0 and -1 say that there is no list."""
    await central.refused_before_sending(
        "SendLocalList", {"listVersion": version, "updateType": "Full"}, "/listVersion"
    )
    assert station.nothing_asked()

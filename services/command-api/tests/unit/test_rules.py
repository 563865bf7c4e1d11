"""Roles, registration, passwords, log-in limits, event filters."""

import asyncio
from typing import Any, NoReturn

import pytest

from command_api.accounts.domain.roles import Role
from command_api.commands.domain.password_rotation import length_problem, password_change
from command_api.commands.domain.preparation import AskedCommand, Prepared, Refusal
from command_api.commands.domain.registration import refusal_by_registration
from command_api.commands.domain.secret_values import masked, masked_response, shown_payload
from command_api.concurrency.gathering import Gathering
from command_api.ocpp.preparations import Preparations, sets_password
from csms_shared.contracts.stations import RegistrationStatus
from csms_shared.ocpp.versions import OCPP16

ATTEMPTS, WINDOW_S = 10, 300.0


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.OPERATOR, {Role.VIEWER, Role.OPERATOR}),
        (Role.ADMIN, set(Role)),
    ],
)
def test_each_role_includes_the_lesser_ones(role: Role, may: set[Role]) -> None:
    assert {other for other in Role if role.includes(other)} == may


def test_a_rejected_station_is_sent_nothing() -> None:
    problem = refusal_by_registration("S1", OCPP16, "GetConfiguration", RegistrationStatus.REJECTED)
    assert problem is not None
    assert (problem.status, problem.code) == (409, "station_rejected")


def test_a_pending_station_may_be_configured_but_not_made_to_charge() -> None:
    pending = RegistrationStatus.PENDING
    assert refusal_by_registration("S1", OCPP16, "ChangeConfiguration", pending) is None
    for action in ("RemoteStartTransaction", "RemoteStopTransaction"):
        problem = refusal_by_registration("S1", OCPP16, action, pending)
        assert problem is not None
        assert problem.code == "station_pending"


@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationkey", "AUTHORIZATIONKEY"])
def test_setting_the_authorization_key_is_a_rotation_in_any_case(key: str) -> None:
    payload = {"key": key, "value": "0123456789abcdef"}
    assert sets_password("ChangeConfiguration", payload)
    assert masked(payload) == {"key": key, "value": "***"}
    assert not sets_password("GetConfiguration", payload)


@pytest.mark.parametrize(
    ("key", "shown"),
    [("WebPassword", "***"), ("authorizationKEY", "***"), ("HeartbeatInterval", "600")],
)
def test_values_of_secret_keys_are_shown_neither_as_sent_nor_as_answered(
    key: str, shown: str
) -> None:
    pair = {"key": key, "value": "600"}
    assert shown_payload(OCPP16, "ChangeConfiguration", pair) == {"key": key, "value": shown}
    answer = {"configurationKey": [{**pair, "readonly": False}, {"key": key}], "unknownKey": [key]}
    assert masked_response(OCPP16, "GetConfiguration", answer) == {
        "configurationKey": [{"key": key, "value": shown, "readonly": False}, {"key": key}],
        "unknownKey": [key],
    }
    assert (
        shown_payload(OCPP16, "DataTransfer", pair)
        == masked_response(OCPP16, "DataTransfer", pair)
        == pair
    )


class Nobody:
    """Is asked nothing."""

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> NoReturn:
        raise AssertionError(operation)


async def prepared(payload: dict[str, Any], *, held: bool = False) -> Prepared | Refusal:
    asked = AskedCommand("S1", OCPP16, "ChangeConfiguration", payload, held)
    return await Preparations(Nobody(), min_password_length=16).prepare(asked)


async def test_a_security_profile_is_wanted_as_it_is_sent() -> None:
    payload = {"key": "securityprofile", "value": "2"}
    assert await prepared(payload) == Prepared(payload, security_profile=2)
    # Not a 2: the station would get it with its blank, and the registry would not know it again.
    refused = await prepared(payload | {"value": "2 "})
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code) == (422, "payload_invalid")
    other = payload | {"key": "Security"}
    assert await prepared(other) == Prepared(other)


async def test_a_new_password_has_its_length_and_is_not_held() -> None:
    payload = {"key": "AuthorizationKey", "value": "0123456789abcdef"}
    assert await prepared(payload) == Prepared(payload, new_password="0123456789abcdef")
    for sent, held, code in (
        (payload, True, "rotation_not_held"),
        (payload | {"value": "short"}, False, "payload_invalid"),
    ):
        refused = await prepared(sent, held=held)
        assert isinstance(refused, Refusal)
        assert (refused.status, refused.code) == (422, code)


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        ("completed", "Accepted", {"keep_previous": False}),
        ("completed", "RebootRequired", {"keep_previous": True, "reboot_required_ms": 7}),
        ("completed", "Rejected", {"withdrawn": True}),
        ("completed", "NotSupported", {"withdrawn": True}),
        ("error", None, {"withdrawn": True}),
        ("station_offline", None, {"withdrawn": True}),
        ("expired", None, {"withdrawn": True}),
        ("outcome_unknown", None, {"keep_previous": True, "either": True}),
    ],
)
def test_each_end_of_a_rotation_says_which_passwords_count(
    status: str, answer: str | None, told: dict[str, bool | int]
) -> None:
    assert password_change(status, None if answer is None else {"status": answer}, 7) == told


def test_passwords_of_stations_have_a_least_and_a_greatest_length() -> None:
    assert length_problem("x" * 16, 16) is None
    assert length_problem("x" * 40, 16) is None
    assert length_problem("x" * 15, 16)
    assert length_problem("x" * 41, 16)


async def test_what_arrives_during_a_batch_is_the_next_batch() -> None:
    batches: list[list[int]] = []
    release = asyncio.Event()

    async def flush(items: "list[int] | object") -> list[int]:
        assert isinstance(items, list)
        batches.append(list(items))
        await release.wait()
        return [item * 2 for item in items]

    gathering: Gathering[int, int] = Gathering(flush, max_items=100)
    running = asyncio.create_task(gathering.run())
    first = asyncio.create_task(gathering.submit(1))
    await asyncio.sleep(0)
    while not batches:
        await asyncio.sleep(0)
    others = [asyncio.create_task(gathering.submit(item)) for item in (2, 3, 4)]
    await asyncio.sleep(0)
    release.set()
    assert [await first, *[await other for other in others]] == [2, 4, 6, 8]
    assert batches == [[1], [2, 3, 4]]
    running.cancel()


async def test_an_error_of_a_batch_reaches_each_of_its_callers() -> None:
    async def flush(_: object) -> list[int]:
        raise ValueError("no")

    gathering: Gathering[int, int] = Gathering(flush, max_items=100)
    running = asyncio.create_task(gathering.run())
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await gathering.submit(1)
    running.cancel()


def test_secrets_are_masked_of_a_version_that_is_unknown_here() -> None:
    pair = {"key": "AuthorizationKey", "value": "0123456789abcdef"}
    assert shown_payload("ocpp9.9", "ChangeConfiguration", pair)["value"] == "***"
    answer = masked_response("ocpp9.9", "GetConfiguration", {"configurationKey": [pair]})
    assert answer["configurationKey"] == [{"key": "AuthorizationKey", "value": "***"}]
    assert shown_payload("ocpp9.9", "DataTransfer", pair) == pair

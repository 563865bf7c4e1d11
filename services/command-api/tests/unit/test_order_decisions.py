"""What becomes of an order of another service."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.preparation import (
    AskedCommand,
    CommandEdge,
    Prepared,
    Refusal,
)
from command_api.commands.domain.remote_starts import AwaitedStart
from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.handlers.orders import Orders
from command_api.ocpp.preparations import Preparations
from command_api.ports import ServiceAway, Services
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrder, order_of
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.stations import OwnerView, RegistrationStatus
from csms_shared.ocpp.intents import ChangeConfiguration, InstallSignedCertificate, Intent
from csms_shared.service.inbox import Work

NOW = 1_795_300_000_000
PASSWORD = "0123456789abcdef0123"


def order(action: str = "ClearCache", payload: dict[str, Any] | None = None) -> CommandOrder:
    return CommandOrder(
        order_id=new_command_id(NOW),
        station_id="S1",
        action=action,
        payload=payload or {},
        deadline_ms=NOW + 60_000,
        created_by="station-registry",
    )


def owner(status: RegistrationStatus = RegistrationStatus.ACCEPTED) -> OwnerView:
    return OwnerView(station_id="S1", known=True, registration_status=status)


class Registry:
    """Knows the values of a station's configuration."""

    def __init__(self, **values: str) -> None:
        self.values = values

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, str]:
        assert operation == "configuration.values"
        return self.values


class Owners:
    def __init__(self, view: OwnerView) -> None:
        self.view = view

    async def find(self, station_id: str) -> OwnerView:
        raise AssertionError

    async def find_fresh(self, station_ids: Sequence[str]) -> dict[str, OwnerView]:
        return dict.fromkeys(station_ids, self.view)


async def nothing_stored(ids: Sequence[UUID]) -> set[UUID]:
    return set()


def orders_with(edge: CommandEdge, of: OwnerView | None = None) -> Orders:
    return Orders(Owners(of or owner()), nothing_stored, edge, lambda _: None, lambda: None)


def work_of(ordered: CommandOrder) -> Work:
    return Work(MessageType.COMMAND_ORDERS, {}, ordered.model_dump(mode="json"))


async def command_of(
    ordered: CommandOrder, of: OwnerView | None = None, registry: Services | None = None
) -> CommandRecord:
    orders = orders_with(Preparations(registry or Registry(), min_password_length=16), of)
    await orders.look_up([work_of(ordered)])
    command = orders.prepared(ordered)
    assert command is not None
    return command


async def test_an_order_becomes_a_held_command_of_the_same_id() -> None:
    ordered = order()
    command = await command_of(ordered)
    assert command.command_id == ordered.order_id
    assert (command.status, command.held, command.attempts) == (CommandStatus.WAITING, True, 0)
    assert (command.created_by, command.deadline_ms) == ("station-registry", NOW + 60_000)
    assert command.error is None


@pytest.mark.parametrize(
    ("ordered", "of", "code"),
    [
        (order(), OwnerView(station_id="S1", known=False), "UNKNOWN_STATION"),
        (order("BootNotification"), owner(), "UNKNOWN_ACTION"),
        (order("Reset", {"type": "Warm"}), owner(), "PAYLOAD_INVALID"),
        (order("UnlockConnector", {"connectorId": 0}), owner(), "PAYLOAD_INVALID"),
        (order(), owner(RegistrationStatus.REJECTED), "STATION_REJECTED"),
        (
            order("RemoteStartTransaction", {"idTag": "T"}),
            owner(RegistrationStatus.PENDING),
            "STATION_PENDING",
        ),
    ],
)
async def test_an_order_that_can_not_be_followed_has_an_error_that_says_why(
    ordered: CommandOrder, of: OwnerView, code: str
) -> None:
    error = (await command_of(ordered, of)).error
    assert error is not None
    assert error["code"] == code
    assert error["description"]


async def test_a_security_profile_is_not_ordered_it_could_be_lower() -> None:
    ordered = order("ChangeConfiguration", {"key": "securityPROFILE", "value": "0"})
    command = await command_of(ordered)
    assert command.error is not None
    assert command.error["code"] == "PROFILE_NOT_ORDERED"


async def test_a_password_is_not_ordered_and_not_kept() -> None:
    ordered = order("ChangeConfiguration", {"key": "authorizationKEY", "value": PASSWORD})
    command = await command_of(ordered)
    assert command.error is not None
    assert command.error["code"] == "ROTATION_NOT_ORDERED"
    assert PASSWORD not in repr(command)


def profile(stack_level: int) -> dict[str, Any]:
    return {
        "chargingProfileId": 1,
        "stackLevel": stack_level,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
        },
    }


@pytest.mark.parametrize(
    ("ordered", "registry", "code", "detail"),
    [
        (
            order("CertificateSigned", {"certificateChain": "x" * 2001}),
            Registry(CertificateSignedMaxChainSize="2000"),
            "CERTIFICATE_CHAIN_TOO_LONG",
            "the chain has 2001 characters, the station takes 2000",
        ),
        (
            order("RemoteStartTransaction", {"idTag": "T", "chargingProfile": profile(3)}),
            Registry(ChargeProfileMaxStackLevel="2"),
            "CHARGING_PROFILE_INVALID",
            "the charging profile of this RemoteStartTransaction is not valid",
        ),
    ],
)
async def test_an_order_is_checked_against_what_the_station_takes_as_a_request_is(
    ordered: CommandOrder, registry: Registry, code: str, detail: str
) -> None:
    error = (await command_of(ordered, registry=registry)).error
    assert error is not None
    assert error["code"] == code
    assert error["description"].startswith(detail)
    assert (await command_of(ordered)).error is None


async def test_an_ordered_remote_start_awaits_its_transaction() -> None:
    ordered = order("RemoteStartTransaction", {"idTag": " Abc ", "connectorId": 2})
    assert (await command_of(ordered)).awaited_start == AwaitedStart("abc", 2)


def intended(intent: Intent) -> CommandOrder:
    return order_of(
        intent,
        order_id=new_command_id(NOW),
        station_id="S1",
        deadline_ms=NOW + 60_000,
        created_by="station-registry",
    )


def speaking(version: str) -> OwnerView:
    return owner().model_copy(update={"ocpp_version": version})


async def test_a_password_that_is_intended_is_not_kept_either() -> None:
    command = await command_of(
        intended(ChangeConfiguration(key="AuthorizationKey", value=PASSWORD))
    )
    assert command.error is not None
    assert command.error["code"] == "ROTATION_NOT_ORDERED"
    assert PASSWORD not in repr(command)


@pytest.mark.parametrize(
    ("ordered", "code"),
    [
        (order(), "OCPP_VERSION_CHANGED"),
        (intended(InstallSignedCertificate(chain="x")), "UNKNOWN_OCPP_VERSION"),
        (order().model_copy(update={"ocpp_version": "ocpp99"}), "UNKNOWN_OCPP_VERSION"),
    ],
)
async def test_what_can_not_be_said_in_the_version_of_its_station_is_not_sent(
    ordered: CommandOrder, code: str
) -> None:
    command = await command_of(ordered, speaking("ocpp99"))
    assert command.error is not None
    assert command.error["code"] == code
    assert (command.action, command.ocpp_version) == (ordered.action, ordered.ocpp_version)


async def test_an_order_is_held_with_its_intent() -> None:
    ordered = intended(InstallSignedCertificate(chain="x"))
    command = await command_of(ordered, speaking("ocpp16"))
    assert (command.intent, command.unchecked) == (
        {"kind": "install_signed_certificate", "chain": "x"},
        False,
    )


@pytest.mark.parametrize("failure", [None, ServiceAway(), refuse(503, "too_busy", "later")])
async def test_an_order_that_nobody_checks_in_time_is_stored_to_be_checked_when_it_is_sent(
    failure: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
            if failure is None:
                await asyncio.Event().wait()
            else:
                raise failure

    monkeypatch.setattr("command_api.commands.handlers.orders._CHECKED_WITHIN_S", 0.01)
    unchecked = order("CertificateSigned", {"certificateChain": "x"})
    command = await command_of(unchecked, registry=Away())
    assert (command.unchecked, command.error) == (True, None)


async def test_a_check_that_meets_a_defect_keeps_no_neighbour_from_being_checked() -> None:
    class Defective(Preparations):
        async def prepare(self, asked: AskedCommand) -> Prepared | Refusal:
            if asked.action == "Reset":
                raise ZeroDivisionError
            return await super().prepare(asked)

    edge = Defective(Registry(), min_password_length=16)
    orders = orders_with(edge)
    neighbour = order()
    works = [work_of(order("Reset", {"type": "Soft"})), work_of(neighbour)]
    await orders.look_up(works)
    checked = orders.prepared(neighbour)
    assert checked is not None
    assert (checked.unchecked, checked.error) == (False, None)
    connection = cast(AsyncConnection, None)
    with pytest.raises(ZeroDivisionError):
        await orders.apply(connection, works[:1])

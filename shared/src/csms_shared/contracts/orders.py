"""Commands that a service wants sent, and the end of every command that anybody wanted."""

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from csms_shared.contracts.envelope import Batch, Contract
from csms_shared.ocpp.intents import Intent, read_intent
from csms_shared.ocpp.versions import OCPP16
from csms_shared.ocpp.writing import written
from csms_shared.values.tenants import DEFAULT_TENANT


class CommandOrder(Contract):
    """One call that a service wants a station to get.

    It becomes the command whose `command_id` is `order_id` (`new_command_id`): the same order
    again changes nothing. The command waits for an offline station until `deadline_ms` and is
    not written to the socket after that. `created_by` names the service, or the person for whom
    it acts.

    `intent` says what is wanted in no version's words; it is written as action and payload when it
    is sent. `action` and `payload` say the same in the version `ocpp_version`, for a command-api
    that knows no intents, or not this one: there it is null. Where it is null they are all there
    is, and the command is for a station of that version.
    """

    order_id: UUID
    tenant_id: str = DEFAULT_TENANT
    station_id: str = Field(min_length=1, pattern="^[^\x00]*$")
    ocpp_version: str = OCPP16
    action: str
    payload: dict[str, Any]
    intent: Annotated[Intent | None, BeforeValidator(read_intent)] = None
    deadline_ms: int
    created_by: str


def order_of(
    intent: Intent,
    *,
    order_id: UUID,
    tenant_id: str = DEFAULT_TENANT,
    station_id: str,
    deadline_ms: int,
    created_by: str,
) -> CommandOrder:
    """Return the order of an intent, in 1.6 as well: all that an older command-api sends."""
    call = written(OCPP16, intent)
    assert call is not None, "1.6 has a writer"
    action, payload = call
    return CommandOrder(
        order_id=order_id,
        tenant_id=tenant_id,
        station_id=station_id,
        ocpp_version=OCPP16,
        action=action,
        payload=payload,
        intent=intent,
        deadline_ms=deadline_ms,
        created_by=created_by,
    )


class CommandOrderBatch(Batch[CommandOrder]):
    """Orders of one service, on their way to command-api."""


class OrderRefusal(StrEnum):
    """Codes in the `error` of commands that never left: their orders could not be followed.

    `OCPP_VERSION_CHANGED` may end any command that is not an intent: it is in the words of a
    version that its station does not speak any more.
    """

    UNKNOWN_STATION = "UNKNOWN_STATION"
    UNKNOWN_ACTION = "UNKNOWN_ACTION"
    UNKNOWN_OCPP_VERSION = "UNKNOWN_OCPP_VERSION"
    OCPP_VERSION_CHANGED = "OCPP_VERSION_CHANGED"
    PAYLOAD_INVALID = "PAYLOAD_INVALID"
    CHARGING_PROFILE_INVALID = "CHARGING_PROFILE_INVALID"
    CERTIFICATE_CHAIN_TOO_LONG = "CERTIFICATE_CHAIN_TOO_LONG"
    NO_OPEN_TRANSACTION = "NO_OPEN_TRANSACTION"
    STATION_REJECTED = "STATION_REJECTED"
    STATION_PENDING = "STATION_PENDING"
    ROTATION_NOT_ORDERED = "ROTATION_NOT_ORDERED"
    PROFILE_NOT_ORDERED = "PROFILE_NOT_ORDERED"


class CommandError(Contract):
    """A CALLERROR of the station, or why nothing was sent (`BUSY`, `CANCELLED`, `OrderRefusal`)."""

    code: str = Field(description="the code, OCPP's or the suite's own")
    description: str = Field("", description="what is said of it")
    details: dict[str, Any] = Field(default_factory=dict, description="what the station adds")


class CompletedCommand(Contract):
    """`data` of the event `command.completed`: the command as REST shows it.

    `completed`: the station answered, see `response`, and `accepted` says whether its status
    means yes. `error`: see `error`. Only `outcome_unknown` may be followed by a second event of
    the same command, which is then `completed` or `error`; the two may come in either order.
    A new password reads `***` in `payload`. `ocpp_version` is that of `action`, `payload` and
    `response`.
    """

    command_id: UUID = Field(description="the command")
    tenant_id: str = Field(DEFAULT_TENANT, description="whose it is")
    station_id: str = Field(description="the station")
    ocpp_version: str = Field(
        OCPP16, description="the version of `action`, `payload` and `response`"
    )
    action: str = Field(description="what was to be sent, as OCPP spells it")
    payload: dict[str, Any] = Field(description="what was to be sent; secrets read `***`")
    status: Literal["completed", "error", "station_offline", "expired", "outcome_unknown"] = Field(
        description="how it ended"
    )
    accepted: bool | None = Field(
        None, description="whether the station's status means yes; null without an answer"
    )
    response: dict[str, Any] | None = Field(None, description="the station's answer")
    error: CommandError | None = Field(
        None, description="the station's error, or why none was sent"
    )
    created_by: str = Field(description="who wanted it")
    created_at: str = Field(description="when it was wanted, RFC 3339")
    sent_at: str | None = Field(None, description="when it was written to the station, RFC 3339")
    completed_at: str = Field(description="when it ended, RFC 3339")
    deadline: str = Field(description="until when it may be written to the station, RFC 3339")
    transaction_id: int | None = Field(
        None, description="the transaction that a remote start has brought"
    )

    @property
    def is_settled(self) -> bool:
        """Whether nothing about this command can change any more."""
        return self.status != "outcome_unknown"

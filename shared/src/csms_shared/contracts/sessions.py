"""Requests that session-service answers. Times are RFC 3339 UTC with `Z`."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field

from csms_shared.contracts.charging import CHARGING_OPERATIONS
from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.local_lists import LOCAL_LIST_OPERATIONS
from csms_shared.contracts.pages import Page, PageQuery, ParkedId
from csms_shared.contracts.reservations import RESERVATION_OPERATIONS
from csms_shared.values.numbers import INT32_MAX, Whole
from csms_shared.values.times import Expiry, Moment


class TransactionStatus(StrEnum):
    """`stop_missing`: the connector has a newer transaction and no stop has come yet."""

    ACTIVE = "active"
    COMPLETED = "completed"
    STOP_MISSING = "stop_missing"


class TokenStatus(StrEnum):
    """What an operator set, or what follows from the expiry."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"


class TransactionView(Contract):
    """A charging session. `meter_*` in Wh as the station's register showed them."""

    transaction_id: int
    station_transaction_id: str | None = None
    station_id: str
    connector_id: int
    id_token: str
    status: TransactionStatus
    authorization_status: str
    started_at: str
    stopped_at: str | None
    received_at: str
    meter_start: int
    meter_stop: int | None
    energy_wh: int | None
    stop_reason: str | None
    stop_id_token: str | None = None
    cost: str | None = None
    flags: list[str]


class TransactionPage(Page[TransactionView]):
    """One page of transactions; `changes` is the cursor of what changes after it."""

    changes: str


class MeterValueView(Contract):
    """One sampled value: `value` parsed (null where it is no number), `raw` as it was sent."""

    timestamp: str
    measurand: str
    value: float | None
    unit: str | None
    phase: str | None
    context: str | None
    location: str | None
    format: str | None
    raw: str


class IdTokenView(Contract):
    """An id token. `status` is `expired` too when `expires_at` has passed."""

    id_token: str
    status: TokenStatus
    expires_at: str | None
    group_id: str | None
    max_concurrent: int | None
    created_at: str
    updated_at: str


class QuarantineView(Contract):
    """A stop or meter values that fit no transaction, with the payload as sent."""

    id: str
    kind: str
    station_id: str
    connector_id: int | None
    wire_transaction_id: int | None
    id_token: str | None
    received_at: str
    reason: str
    status: str
    transaction_id: int | None
    payload: dict[str, Any]


class ListTransactions(PageQuery):
    """Filter of transactions, newest start first; with `changed_after`, a page's `changes`, those
    that changed since, in the order of their changes."""

    station_id: str | None = None
    connector_id: int | None = None
    status: TransactionStatus | None = None
    id_token: str | None = None
    flag: str | None = None
    started_from: Moment | None = None
    started_to: Moment | None = None
    stopped_from: Moment | None = None
    stopped_to: Moment | None = None
    changed_after: str | None = None


class TransactionName(Contract):
    """Names one transaction."""

    transaction_id: int


class ListMeterValues(PageQuery):
    """The meter values of one transaction, oldest first."""

    transaction_id: int


class CloseTransaction(Contract):
    """Ends a transaction by hand; 409 where it has ended already."""

    transaction_id: int
    meter_stop: Annotated[int, Whole(0, INT32_MAX)]
    reason: str = Field(min_length=1, max_length=500)
    closed_by: str


class OpenTransactions(Contract):
    """Asks for the open transactions of a station: connector id -> transaction id."""

    station_id: str


class ListQuarantine(PageQuery):
    """Items in quarantine; `status`: open (default), reconciled or dismissed."""

    station_id: str | None = None
    status: str | None = "open"


class Reconcile(Contract):
    """Attach a quarantined item to a transaction of the same station."""

    id: str
    transaction_id: int


class Dismiss(Contract):
    """Set a quarantined item aside for good; it stays stored."""

    id: str


class ListIdTokens(PageQuery):
    """Filter of id tokens; `expired` includes accepted ones past their expiry."""

    status: TokenStatus | None = None
    q: str | None = None


class IdTokenName(Contract):
    """Names one id token, in any case."""

    id_token: str


class CreateIdToken(Contract):
    """A new id token; one that differs only in case from another is a conflict.

    `max_concurrent`: transactions at once on different connectors; null is unlimited.
    """

    id_token: str = Field(min_length=1, max_length=255)
    status: TokenStatus = TokenStatus.ACCEPTED
    expires_at: Expiry | None = None
    group_id: str | None = Field(None, min_length=1, max_length=255)
    max_concurrent: Annotated[int, Whole(1, INT32_MAX)] | None = 1


class ChangeIdToken(Contract):
    """Changes to an id token; only the fields named in `set` are taken over."""

    id_token: str
    set: frozenset[str]
    status: TokenStatus | None = None
    expires_at: Expiry | None = None
    group_id: str | None = Field(None, min_length=1, max_length=255)
    max_concurrent: Annotated[int, Whole(1, INT32_MAX)] | None = None


# operation -> parameters; results: Page[TransactionView], TransactionView, Page[MeterValueView],
# TransactionView, dict[connector_id, transaction_id], Page[QuarantineView], QuarantineView (twice),
# Page[IdTokenView], IdTokenView (create, get, change), null (delete), Page[ParkedView], null, null;
# then those of reservations and local lists.
SESSION_OPERATIONS: dict[str, type[BaseModel]] = {
    "transactions.list": ListTransactions,
    "transactions.get": TransactionName,
    "transactions.meter_values": ListMeterValues,
    "transactions.close": CloseTransaction,
    "transactions.open": OpenTransactions,
    "quarantine.list": ListQuarantine,
    "quarantine.reconcile": Reconcile,
    "quarantine.dismiss": Dismiss,
    "id_tokens.list": ListIdTokens,
    "id_tokens.create": CreateIdToken,
    "id_tokens.get": IdTokenName,
    "id_tokens.change": ChangeIdToken,
    "id_tokens.delete": IdTokenName,
    **CHARGING_OPERATIONS,
    "parked.list": PageQuery,
    "parked.replay": ParkedId,
    "parked.delete": ParkedId,
    **RESERVATION_OPERATIONS,
    **LOCAL_LIST_OPERATIONS,
}

"""Requests that session-service answers. Times are RFC 3339 UTC with `Z`."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field

from csms_shared.contracts.about import ABOUT_OPERATIONS
from csms_shared.contracts.bulk import BulkBatch
from csms_shared.contracts.charging import CHARGING_OPERATIONS
from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.local_lists import LOCAL_LIST_OPERATIONS
from csms_shared.contracts.overview import SESSIONS_OVERVIEW_OPERATIONS
from csms_shared.contracts.pages import PARKED_OPERATIONS, Page, PageQuery
from csms_shared.contracts.requests import OfTenant, WithinScope
from csms_shared.contracts.reservations import RESERVATION_OPERATIONS
from csms_shared.contracts.session_facts import SESSION_FACTS_OPERATIONS
from csms_shared.ocpp.versions import OCPP16
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


class LiveFigures(Contract):
    """What is newest of an active transaction; what is not known is null.

    `energy_wh` since its start; `measured_at` is when the newest of the figures was measured.
    """

    energy_wh: int | None = None
    power_w: float | None = None
    soc_percent: float | None = None
    measured_at: str | None = None


class TransactionView(Contract):
    """A charging session. `meter_*` in Wh as the station's register showed them.

    `live`: null where it is not active. It is no change of the transaction: `changes` stays.

    `station_transaction_id` is what the station calls it: in OCPP 1.6, `transaction_id` as text.
    `evse_id`: in OCPP 1.6 the connector's number. Services of the version before tell neither.
    `site_id`: where the station stood when it began.
    """

    transaction_id: int
    station_transaction_id: str | None = None
    station_id: str
    site_id: str | None = None
    evse_id: int | None = None
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
    live: LiveFigures | None = None
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


class EvidenceKind(StrEnum):
    """What was said: that the transaction ended, or a value that was measured."""

    STOP = "stop"
    METER_VALUE = "meter_value"


class EvidenceView(Contract):
    """What was said about a transaction and does not count.

    `why`: `closed_by_hand`, `matched_without_id` (it did not name the transaction, and what counts
    did), `repeated` (it says what counts once more), `later` (another stop was sent before) or
    `unknown_version` (only a newer release can read it). The fields of the other kind are null.
    `ocpp_version` is that of `payload`.
    """

    kind: EvidenceKind
    why: str
    received_at: str
    epoch: int | None = None
    seq: int | None = None
    sent_transaction_id: int | None = None
    stopped_at: str | None = None
    meter_stop: int | None = None
    energy_wh: int | None = None
    stop_reason: str | None = None
    stop_id_token: str | None = None
    ocpp_version: str | None = None
    payload: dict[str, Any] | None = None
    timestamp: str | None = None
    measurand: str | None = None
    value: float | None = None
    unit: str | None = None
    phase: str | None = None
    context: str | None = None
    location: str | None = None
    format: str | None = None
    raw: str | None = None


class IdTokenView(Contract):
    """An id token. `status` is `expired` too when `expires_at` has passed.

    `type` is as OCPP 2.x spells it, null where nobody has said, as in OCPP 1.6.
    """

    id_token: str = Field(description="the token")
    type: str | None = Field(None, description="its type; null where nobody has said")
    status: TokenStatus = Field(description="`expired` too once `expires_at` has passed")
    expires_at: str | None = Field(description="until when it counts, RFC 3339")
    group_id: str | None = Field(description="its group (parentIdTag)")
    max_concurrent: int | None = Field(description="how many transactions it may have at once")
    created_at: str = Field(description="when it was created, RFC 3339")
    updated_at: str = Field(description="when it was changed last, RFC 3339")


class QuarantineView(Contract):
    """A stop or meter values that fit no transaction, with the payload as sent.

    `ocpp_version` is that of `payload`.

    `attempts`: how often it was tried in vain to find one, `tried_at` when last.
    """

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
    ocpp_version: str = OCPP16
    payload: dict[str, Any]
    attempts: int = 0
    tried_at: str | None = None


class TransactionFilter(OfTenant):
    """Which transactions: everything given must be so."""

    station_id: str | None = None
    connector_id: int | None = None
    status: TransactionStatus | None = None
    id_token: str | None = None
    flag: str | None = None
    started_from: Moment | None = None
    started_to: Moment | None = None


class ListTransactions(PageQuery, TransactionFilter, WithinScope):
    """Filter of transactions, newest start first; with `changed_after`, a page's `changes`, those
    that changed since, in the order of their changes."""

    stopped_from: Moment | None = None
    stopped_to: Moment | None = None
    site_id: str | None = None
    tag: str | None = None
    changed_after: str | None = None


class TransactionName(WithinScope):
    """Names one transaction."""

    transaction_id: int


class ListMeterValues(PageQuery, WithinScope):
    """The meter values of one transaction, oldest first."""

    transaction_id: int


class ListEvidence(PageQuery, WithinScope):
    """What else was said about one transaction: stops as they were sent, then values by time."""

    transaction_id: int


class CloseTransaction(WithinScope):
    """Ends a transaction by hand; 409 where it has ended already."""

    transaction_id: int
    meter_stop: Annotated[int, Whole(0, INT32_MAX)]
    reason: str = Field(min_length=1, max_length=500)
    closed_by: str


class WithoutReading(StrEnum):
    """What becomes of a transaction without a meter reading: it stays, or ends with no energy."""

    FAIL = "fail"
    METER_START = "meter_start"


class CloseTransactions(BulkBatch, TransactionFilter):
    """Ends transactions by hand, oldest start first, each with the last reading of its register.

    That is the last one stored that is not below `meter_start`. None that is completed is ended.
    """

    status: TransactionStatus = TransactionStatus.STOP_MISSING
    without_reading: WithoutReading = WithoutReading.FAIL
    reason: str = Field(min_length=1, max_length=500)
    closed_by: str


class OpenTransactions(OfTenant):
    """Asks for the open transactions of a station: connector id -> transaction id."""

    station_id: str


class QuarantineKind(StrEnum):
    """What fits no transaction."""

    STOP = "stop"
    METER_VALUES = "meter_values"


class QuarantineFilter(OfTenant):
    """Which items: everything given must be so."""

    station_id: str | None = None
    kind: QuarantineKind | None = None
    received_from: Moment | None = None
    received_to: Moment | None = None


class ListQuarantine(PageQuery, QuarantineFilter):
    """Items in quarantine; `status`: open (default), reconciled or dismissed."""

    status: str | None = "open"


class Reconcile(OfTenant):
    """Attach a quarantined item to a transaction of the same station."""

    id: str
    transaction_id: int


class Dismiss(OfTenant):
    """Set a quarantined item aside for good; it stays stored."""

    id: str


class ReconcileMany(BulkBatch, QuarantineFilter):
    """Attach open items to `transaction_id`, else each to the one that fits it, if one does.

    Station by station, in the order in which it sent them, stops first.
    """

    transaction_id: int | None = None


class DismissMany(BulkBatch, QuarantineFilter):
    """Set open items aside for good, in the same order."""


class ListIdTokens(PageQuery, OfTenant):
    """Filter of id tokens; `expired` includes accepted ones past their expiry."""

    status: TokenStatus | None = None
    q: str | None = None


class IdTokenName(OfTenant):
    """Names one id token, in any case."""

    id_token: str


class CreateIdToken(OfTenant):
    """A new id token; one that differs only in case from another is a conflict.

    `max_concurrent`: transactions at once on different connectors; null is unlimited.
    """

    id_token: str = Field(min_length=1, max_length=255)
    status: TokenStatus = TokenStatus.ACCEPTED
    expires_at: Expiry | None = None
    group_id: str | None = Field(None, min_length=1, max_length=255)
    max_concurrent: Annotated[int, Whole(1, INT32_MAX)] | None = 1


class ChangeIdToken(OfTenant):
    """Changes to an id token; only the fields named in `set` are taken over."""

    id_token: str
    set: frozenset[str]
    status: TokenStatus | None = None
    expires_at: Expiry | None = None
    group_id: str | None = Field(None, min_length=1, max_length=255)
    max_concurrent: Annotated[int, Whole(1, INT32_MAX)] | None = None


# operation -> parameters; results: Page[TransactionView], TransactionView, Page[MeterValueView],
# Page[EvidenceView], TransactionView, BulkOutcome, dict[connector_id, transaction_id],
# Page[QuarantineView], QuarantineView (twice), BulkOutcome (twice), Page[IdTokenView], IdTokenView
# (create, get, change), null (delete); then those of charging, of parked items, reservations, local
# lists, SessionFactsList, and what is told of all.
SESSION_OPERATIONS: dict[str, type[BaseModel]] = {
    "transactions.list": ListTransactions,
    "transactions.get": TransactionName,
    "transactions.meter_values": ListMeterValues,
    "transactions.evidence": ListEvidence,
    "transactions.close": CloseTransaction,
    "transactions.close_many": CloseTransactions,
    "transactions.open": OpenTransactions,
    "quarantine.list": ListQuarantine,
    "quarantine.reconcile": Reconcile,
    "quarantine.dismiss": Dismiss,
    "quarantine.reconcile_many": ReconcileMany,
    "quarantine.dismiss_many": DismissMany,
    "id_tokens.list": ListIdTokens,
    "id_tokens.create": CreateIdToken,
    "id_tokens.get": IdTokenName,
    "id_tokens.change": ChangeIdToken,
    "id_tokens.delete": IdTokenName,
    **CHARGING_OPERATIONS,
    **PARKED_OPERATIONS,
    **RESERVATION_OPERATIONS,
    **LOCAL_LIST_OPERATIONS,
    **SESSION_FACTS_OPERATIONS,
    **SESSIONS_OVERVIEW_OPERATIONS,
    **ABOUT_OPERATIONS,
}

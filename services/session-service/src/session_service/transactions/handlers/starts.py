"""StartTransaction: one transaction per start, whoever brings it and how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.outbox import write_events
from csms_shared.service.inbox import Reply
from session_service.handling.calls import ReceivedCall, call_reply
from session_service.handling.side_features import SideFeature, beside_the_record
from session_service.ocpp.v16.transactions import id_tag_info
from session_service.quarantine.handlers.reconciling import reconcile_started
from session_service.reservations.handlers.judging import judge_started
from session_service.store.service_tables import outbox
from session_service.tokens.domain import Token
from session_service.transactions.domain.starts import Start, StartedTransaction, StartLedger
from session_service.transactions.handlers.events import transaction_started
from session_service.transactions.store.starts import lock_connectors, read_related, store_starts
from session_service.values.stamps import Stamp


@dataclass(slots=True)
class StartOutcome:
    """Replies of the starts that were decided, and the calls that have to be tried again."""

    replies: list[Reply]
    held: list[ReceivedCall]


async def start_transactions(
    connection: AsyncConnection,
    starts: Sequence[tuple[ReceivedCall, Start]],
    tokens: Mapping[str, Token],
    now: datetime,
    *,
    hold: bool,
    free_vend: bool = False,
) -> StartOutcome:
    """Decide a batch of StartTransaction calls; late ones are applied and not answered.

    `tokens` holds those of the starts, those with a limit locked in this transaction.
    """
    if not starts:
        return StartOutcome([], [])
    ledger = await _load(connection, [start for _, start in starts], tokens, free_vend)
    decided: list[tuple[ReceivedCall, StartedTransaction]] = []
    held: list[ReceivedCall] = []
    for received, start in sorted(starts, key=_by_time):
        transaction = ledger.take(start, now, hold=hold)
        if transaction is None:
            held.append(received)
        else:
            decided.append((received, transaction))
    surroundings = await store_starts(connection, ledger)
    await write_events(
        connection,
        outbox,
        [transaction_started(ledger.transactions[key], start) for key, start in ledger.new.items()],
    )
    new = list(ledger.new.values())
    # A start is earlier than was known: what came in between may be its transaction's.
    matchable = [*ledger.earlier.values(), *(new if surroundings.waiting else ())]
    if matchable:
        await beside_the_record(
            connection, SideFeature.QUARANTINE, lambda: reconcile_started(connection, matchable)
        )
    if surroundings.reserved:
        await beside_the_record(
            connection, SideFeature.RESERVATIONS, lambda: judge_started(connection, new)
        )
    now_ms = int(now.timestamp() * 1000)
    return StartOutcome(
        [
            _reply(received, transaction)
            for received, transaction in decided
            if received.call.deadline_ms > now_ms
        ],
        held,
    )


def _by_time(pair: tuple[ReceivedCall, Start]) -> tuple[datetime, str, Stamp]:
    start = pair[1]
    return start.received_at, start.station_id, start.stamp


async def _load(
    connection: AsyncConnection,
    starts: Sequence[Start],
    known: Mapping[str, Token],
    free_vend: bool,
) -> StartLedger:
    keys = {start.token_key for start in starts} & known.keys()
    tokens = {key: known[key] for key in keys}
    places = {start.place for start in starts}
    ledger = StartLedger(tokens, await lock_connectors(connection, places), free_vend)
    limited = {key for key, token in tokens.items() if token.max_concurrent is not None}
    for transaction in await read_related(
        connection,
        {key for start in starts for key in (start.key, *start.former_keys)},
        places,
        limited,
    ):
        ledger.add(transaction)
    return ledger


def _reply(received: ReceivedCall, transaction: StartedTransaction) -> Reply:
    return call_reply(
        received,
        {
            "transactionId": transaction.id,
            "idTagInfo": id_tag_info(transaction.authorization),
        },
    )

"""Starts: one transaction per start, whoever brings it and how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.outbox import write_events
from session_service.database.service_tables import outbox
from session_service.tokens.domain import Token
from session_service.transactions.domain.starts import Start, StartedTransaction, StartLedger
from session_service.transactions.handlers.events import transaction_started
from session_service.transactions.store.starts import lock_connectors, read_related, store_starts
from session_service.values.stamps import Stamp

Asker = TypeVar("Asker")


@dataclass(frozen=True, slots=True)
class StartOutcome(Generic[Asker]):
    """What became of starts, each with who asked.

    `held` have to be tried again. `matchable` may have reports in quarantine that now fit them,
    and `reserved` tells whether reservations have to do with the `new` ones.
    """

    decided: Sequence[tuple[Asker, StartedTransaction]] = ()
    held: Sequence[Asker] = ()
    new: Sequence[Start] = ()
    matchable: Sequence[Start] = ()
    reserved: bool = False


async def start_transactions(
    connection: AsyncConnection,
    starts: Sequence[tuple[Asker, Start]],
    tokens: Mapping[str, Token],
    now: datetime,
    *,
    hold: bool,
    free_vend: bool = False,
) -> StartOutcome[Asker]:
    """Decide a batch of starts and store them.

    `tokens` holds those of the starts, those with a limit locked in this transaction.
    """
    if not starts:
        return StartOutcome()
    ledger = await _load(connection, [start for _, start in starts], tokens, free_vend)
    decided: list[tuple[Asker, StartedTransaction]] = []
    held: list[Asker] = []
    for asker, start in sorted(starts, key=_by_time):
        transaction = ledger.take(start, now, hold=hold)
        if transaction is None:
            held.append(asker)
        else:
            decided.append((asker, transaction))
    surroundings = await store_starts(connection, ledger)
    await write_events(
        connection,
        outbox,
        [transaction_started(ledger.transactions[key], start) for key, start in ledger.new.items()],
    )
    new = list(ledger.new.values())
    # A start is earlier than was known: what came in between may be its transaction's.
    matchable = [*ledger.earlier.values(), *(new if surroundings.waiting else ())]
    return StartOutcome(decided, held, new, matchable, surroundings.reserved)


def _by_time(pair: tuple[Any, Start]) -> tuple[datetime, str, Stamp]:
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
    places = {start.place: start.evse_id for start in starts}
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

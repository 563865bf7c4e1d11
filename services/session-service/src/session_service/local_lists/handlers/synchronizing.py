"""Local lists are kept true to the id tokens: looked at in turn, asked and sent one at a time."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.orders import CommandOrder, order_of
from csms_shared.db.orders import write_orders
from csms_shared.ocpp.intents import Intent, ReadLocalListLimits, ReadLocalListVersion
from csms_shared.runtime.clock import utc_now
from session_service.database.service_tables import outbox
from session_service.local_lists.domain.answers import (
    connected,
    in_sync,
    without_answer,
)
from session_service.local_lists.domain.lists import (
    COMMAND_WITHIN,
    Ask,
    Content,
    asked_for_facts,
    asked_to_update,
    next_question,
    next_update,
)
from session_service.local_lists.store import (
    Groups,
    KeptList,
    Selection,
    add_contents,
    drop_contents,
    fingerprint_tokens,
    lock_due,
    lock_lists,
    read_contents,
    read_selected,
    write_lists,
)
from session_service.ocpp.v16.local_lists import digest_of, wanted_update, write_entry
from session_service.tokens.domain import decide_authorization
from session_service.tokens.store.tokens import read_groups
from session_service.values.keys import TenantStation

_FACTS: Mapping[Ask, Intent] = {
    Ask.LIMITS: ReadLocalListLimits(),
    Ask.VERSION: ReadLocalListVersion(),
}


async def look_at_due(connection: AsyncConnection) -> None:
    """Look at the lists whose turn it is."""
    await advance(connection, await lock_due(connection, utc_now()))


async def forget_contents(connection: AsyncConnection) -> None:
    """Forget contents that nobody holds any more."""
    await drop_contents(connection)


async def stations_connected(
    connection: AsyncConnection, connections: Collection[tuple[TenantStation, datetime]]
) -> None:
    """Have stations that connected asked for the version of their lists."""
    times: dict[TenantStation, datetime] = {}
    for station, at in connections:
        times[station] = max(at, times.get(station, at))
    now = utc_now()
    lists = await lock_lists(connection, times)
    for kept in lists:
        kept.state = connected(kept.state, times[kept.station], now)
    await advance(connection, lists)


async def advance(connection: AsyncConnection, lists: Collection[KeptList]) -> None:
    """Take the next step with each of these locked lists, and write them back."""
    now = utc_now()
    sources = _Sources(connection, now)
    orders: list[CommandOrder] = []
    for kept in lists:
        if not kept.row.enabled:
            continue
        state = kept.state
        if state.asked is not None and state.next_at is not None and state.next_at <= now:
            kept.state = without_answer(state, now)
        order = await _step(kept, sources, now)
        if order is not None:
            kept.command_id = order.order_id
            orders.append(order)
    await add_contents(connection, sources.added)
    await write_lists(connection, lists)
    await write_orders(connection, outbox, orders)


async def _step(kept: KeptList, sources: "_Sources", now: datetime) -> CommandOrder | None:
    question = next_question(kept.state, "", now)
    if question is None:
        return None
    if question in _FACTS:
        kept.state = asked_for_facts(kept.state, question, now)
        return _order(kept, _FACTS[question], now)
    fingerprint, left_out = await sources.fingerprint(kept.selection)
    if kept.fingerprint != fingerprint or kept.wanted_digest is None:
        wanted = await sources.wanted(kept.selection)
        kept.wanted_digest, kept.wanted_entries = digest_of(wanted), len(wanted)
        kept.fingerprint, kept.left_out = fingerprint, left_out
    if next_question(kept.state, kept.wanted_digest, now) is None:
        kept.state = in_sync(kept.state, now)
        return None
    update = next_update(
        kept.state,
        await sources.held(kept.state.known_digest),
        await sources.wanted(kept.selection),
    )
    digest = digest_of(update.content)
    kept.state = asked_to_update(kept.state, update, digest, kept.wanted_digest, now)
    # The content of no token is that of every tenant, and is known without being stored.
    if update.content:
        sources.added[kept.station[0], digest] = update.content
    return _order(kept, wanted_update(update), now)


class _Sources:
    """What a batch of lists is made from, each read once."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._groups: dict[str, Groups] = {}
        self._fingerprints: dict[Selection, tuple[str, int]] = {}
        self._wanted: dict[Selection, Content] = {}
        self._held: dict[str, Content] = {}
        self.added: dict[tuple[str, str], Content] = {}

    async def fingerprint(self, selection: Selection) -> tuple[str, int]:
        if selection not in self._fingerprints:
            self._fingerprints[selection] = await fingerprint_tokens(
                self._connection, selection, await self._groups_for(selection), self._now
            )
        return self._fingerprints[selection]

    async def wanted(self, selection: Selection) -> Content:
        if selection not in self._wanted:
            groups = await self._groups_for(selection)
            tokens = await read_selected(self._connection, selection, groups, self._now)
            self._wanted[selection] = {
                token.key: write_entry(name, decide_authorization(token, self._now))
                for name, token in tokens
            }
        return self._wanted[selection]

    async def _groups_for(self, selection: Selection) -> Groups:
        if not selection.group_ids:
            return {}
        tenant_id = selection.tenant_id
        if tenant_id not in self._groups:
            self._groups[tenant_id] = await read_groups(self._connection, tenant_id)
        return self._groups[tenant_id]

    async def held(self, digest: str | None) -> Content | None:
        if digest is None:
            return None
        if digest not in self._held:
            self._held |= await read_contents(self._connection, [digest])
        return self._held.get(digest)


def _order(kept: KeptList, intent: Intent, now: datetime) -> CommandOrder:
    tenant_id, station_id = kept.station
    return order_of(
        intent,
        order_id=new_command_id(int(now.timestamp() * 1000)),
        tenant_id=tenant_id,
        station_id=station_id,
        deadline_ms=int((now + COMMAND_WITHIN).timestamp() * 1000),
        created_by=SESSION_SERVICE,
    )

"""Which tariff holds for a session: beside a model that looks at one assignment after the other."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from billing_service.tariffs.store.choosing import Chosen, ToPrice, assigned_value, choose
from billing_service.tariffs.tables import tariff, tariff_assignment, tariff_version
from csms_shared.contracts.billing import AssignmentTarget

BASE = datetime(2026, 11, 20, tzinfo=UTC)
DOCUMENT = {"currency": "EUR"}
# Few of each, so that they meet: among them such that differ in case or by blanks.
NAMES = ("a", "A", " a ", "b", "ß", "SS", "")
TENANTS = ("one", "other")


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    changed_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Assigned:
    assignment_id: UUID
    tariff_id: UUID
    target: AssignmentTarget
    value: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    created_at: datetime


@dataclass(slots=True)
class Book:
    """What a tenant has."""

    versions: dict[UUID, list[Version]] = field(default_factory=dict)
    assigned: list[Assigned] = field(default_factory=list)

    def chosen(self, session: ToPrice) -> tuple[UUID, int, UUID] | None:
        """The first that fits, in the documented order; the newest of those with equal rights."""
        for target in AssignmentTarget:
            fitting = [one for one in self.assigned if self._fits(one, target, session)]
            fitting.sort(key=lambda one: (one.created_at, one.assignment_id), reverse=True)
            for one in fitting:
                version = self._version(one.tariff_id, session.started_at)
                if version is not None:
                    return one.tariff_id, version, one.assignment_id
        return None

    def _fits(self, one: Assigned, target: AssignmentTarget, session: ToPrice) -> bool:
        at = session.started_at
        return (
            one.target is target
            and any(_same(target, one.value, value) for value in _values(target, session))
            and (one.valid_from is None or one.valid_from <= at)
            and (one.valid_to is None or at < one.valid_to)
        )

    def _version(self, tariff_id: UUID, at: datetime) -> int | None:
        versions = self.versions[tariff_id]
        held = versions[0]
        for one in versions:
            if one.changed_at <= at:
                held = one
        begun = held.starts_at is None or held.starts_at <= at
        return held.number if begun and (held.ends_at is None or at < held.ends_at) else None


def _values(target: AssignmentTarget, session: ToPrice) -> Iterator[str | None]:
    match target:
        case AssignmentTarget.ID_TOKEN:
            yield session.id_token
        case AssignmentTarget.GROUP if session.group_id is not None:
            yield session.group_id
        case AssignmentTarget.STATION:
            yield session.station_id
        case AssignmentTarget.TAG:
            yield from session.tags
        case AssignmentTarget.SITE if session.site_id is not None:
            yield session.site_id
        case AssignmentTarget.TENANT:
            yield None


def _same(target: AssignmentTarget, one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    if target in (AssignmentTarget.ID_TOKEN, AssignmentTarget.GROUP):
        return one.strip().casefold() == other.strip().casefold()
    return one == other


class Drawn:
    """Draws books and sessions whose times and names meet often."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def _time(self) -> datetime:
        return BASE + timedelta(hours=self._random.randint(0, 6))

    def _bound(self) -> datetime | None:
        return self._random.choice([None, None, self._time()])

    def _id(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def book(self) -> Book:
        book = Book()
        for _ in range(self._random.randint(1, 4)):
            times = sorted(self._time() for _ in range(self._random.randint(1, 4)))
            book.versions[self._id()] = [
                Version(number, at, self._bound(), self._bound())
                for number, at in enumerate(times, 1)
            ]
        for _ in range(self._random.randint(0, 12)):
            target = self._random.choice([*AssignmentTarget])
            of_all = target is AssignmentTarget.TENANT
            book.assigned.append(
                Assigned(
                    self._id(),
                    self._random.choice([*book.versions]),
                    target,
                    None if of_all else self._random.choice(NAMES[:-1]),
                    self._bound(),
                    self._bound(),
                    self._time(),
                )
            )
        return book

    def session(self, number: int) -> ToPrice:
        near = self._random.choice([timedelta(0), timedelta(microseconds=-1), timedelta(minutes=1)])
        return ToPrice(
            transaction_id=number,
            started_at=self._time() + near,
            id_token=self._random.choice(NAMES),
            group_id=self._random.choice([None, *NAMES]),
            station_id=self._random.choice(NAMES),
            tags=self._random.choices(NAMES, k=self._random.randint(0, 3)),
            site_id=self._random.choice([None, *NAMES]),
        )


async def _store(connection: AsyncConnection, tenant_id: str, book: Book) -> None:
    kept = {"tenant_id": tenant_id, "name": "x", "changed_by": "x"}
    for tariff_id, versions in book.versions.items():
        newest = versions[-1]
        row = {**kept, "tariff_id": tariff_id, "created_at": BASE, "created_by": "x"}
        await connection.execute(
            insert(tariff).values(**row, version=newest.number, changed_at=newest.changed_at)
        )
        rows: list[dict[str, Any]] = [
            {
                **kept,
                "tariff_id": tariff_id,
                "version": one.number,
                "tariff": DOCUMENT,
                "starts_at": one.starts_at,
                "ends_at": one.ends_at,
                "changed_at": one.changed_at,
            }
            for one in versions
        ]
        await connection.execute(insert(tariff_version), rows)
    for one in book.assigned:
        await connection.execute(
            insert(tariff_assignment).values(
                assignment_id=one.assignment_id,
                tenant_id=tenant_id,
                tariff_id=one.tariff_id,
                target=one.target.value,
                value=assigned_value(one.target, one.value),
                shown_value=one.value,
                valid_from=one.valid_from,
                valid_to=one.valid_to,
                created_at=one.created_at,
                created_by="x",
            )
        )


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
async def test_the_tariff_that_is_chosen_is_the_models(engine: AsyncEngine, seed: int) -> None:
    drawn = Drawn(seed)
    books = {tenant_id: drawn.book() for tenant_id in TENANTS}
    sessions = [drawn.session(number) for number in range(50)]
    async with engine.connect() as connection:
        for tenant_id, book in books.items():
            await _store(connection, tenant_id, book)
        for tenant_id, book in books.items():
            found = await choose(connection, tenant_id, sessions)
            for session in sessions:
                one = found.get(session.transaction_id)
                key = one and (one.tariff_id, one.version, one.assignment_id)
                assert key == book.chosen(session), (tenant_id, session, book)
                assert one is None or one.tariff == DOCUMENT
        # Nothing of it is kept.
        await connection.rollback()


def _session(at: datetime = BASE, **fields: Any) -> ToPrice:
    known: dict[str, Any] = {
        "id_token": "T",
        "group_id": "G",
        "station_id": "S",
        "tags": ["x", "y"],
        "site_id": "P",
    }
    return ToPrice(transaction_id=7, started_at=at, **{**known, **fields})


@pytest.fixture
async def stored(engine: AsyncEngine) -> dict[str, Assigned]:
    """An assignment of each kind, each of a tariff of its own, the first to be looked for last."""
    book, assigned = Book(), {}
    values = {"id_token": "t", "group_id": "g", "station_id": "S", "tag": "y", "site_id": "P"}
    for number, target in enumerate(reversed(AssignmentTarget), 1):
        tariff_id = UUID(int=number)
        book.versions[tariff_id] = [Version(1, BASE, None, None)]
        one = Assigned(
            UUID(int=number), tariff_id, target, values.get(target.value), None, None, BASE
        )
        assigned[target.value] = one
        book.assigned.append(one)
    async with engine.begin() as connection:
        await _store(connection, "one", book)
    return assigned


async def _one(engine: AsyncEngine, session: ToPrice, tenant_id: str = "one") -> Chosen | None:
    async with engine.connect() as connection:
        return (await choose(connection, tenant_id, [session])).get(7)


async def test_the_order_is_token_group_station_tag_site_tenant(
    engine: AsyncEngine, stored: dict[str, Assigned]
) -> None:
    fields: dict[str, Any] = {}
    without: dict[str, Any] = {
        "id_token": "-",
        "group_id": None,
        "station_id": "-",
        "tags": [],
        "site_id": None,
    }
    for target, (name, nothing) in zip(AssignmentTarget, without.items(), strict=False):
        found = await _one(engine, _session(**fields))
        assert found is not None
        assert found.assignment_id == stored[target.value].assignment_id
        fields[name] = nothing
    found = await _one(engine, _session(**fields))
    assert found is not None
    assert found.assignment_id == stored["tenant"].assignment_id
    assert await _one(engine, _session(), "other") is None


@pytest.mark.parametrize("year", [1970, 9998])
async def test_the_first_version_holds_for_earlier_starts_too(
    engine: AsyncEngine, stored: dict[str, Assigned], year: int
) -> None:
    found = await _one(engine, _session(datetime(year, 1, 1, tzinfo=UTC)))
    assert found is not None
    assert (found.version, found.assignment_id) == (1, stored["id_token"].assignment_id)


async def test_nothing_is_asked_of_no_sessions(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await choose(connection, "one", []) == {}

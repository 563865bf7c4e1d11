"""A bill, a credit, and when one is needed."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from billing_service.bills.domain.pricing import Priced
from csms_shared.contracts.billing import BillKind, BillStatus

_NAMESPACE = UUID("0d2f3ac4-2b57-5d5c-9e0b-5a1a2a3d9c11")
_AMOUNTS = ("amount_excl_vat", "amount_incl_vat", "vat")


def bill_id(tenant_id: str, transaction_id: int, sequence: int) -> UUID:
    """Return the id of a bill or credit; made again, it is the same.

    `transaction_id`: of a reservation its number (`bills/domain/subject.py`).
    """
    return uuid5(_NAMESPACE, f"{tenant_id}\x1f{transaction_id}\x1f{sequence}")


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill or a credit. `cost` is as it is shown, `facts` as they were told.

    `transaction_id`: of a reservation its number (`bills/domain/subject.py`).
    """

    bill_id: UUID
    tenant_id: str
    transaction_id: int
    sequence: int
    kind: BillKind
    status: BillStatus
    revision: int
    corrects: UUID | None
    station_id: str
    id_token: str | None
    site_id: str | None
    tags: tuple[str, ...]
    tariff_id: UUID
    tariff_version: int
    assignment_id: UUID | None
    time_zone: str
    facts: dict[str, Any]
    cost: dict[str, Any]

    @property
    def currency(self) -> str:
        """In what it is paid."""
        return str(self.cost["currency"])

    @property
    def total_excl_vat(self) -> Decimal:
        """What is to be paid without VAT."""
        return Decimal(self.cost["total_excl_vat"])

    @property
    def total_incl_vat(self) -> Decimal:
        """What is to be paid."""
        return Decimal(self.cost["total_incl_vat"])

    @property
    def energy_kwh(self) -> Decimal:
        """The energy, of a credit that of the bill."""
        return Decimal(self.cost["energy_kwh"])

    @property
    def review(self) -> list[str]:
        """Why somebody has to look at it."""
        return list(self.cost["review"])

    def credited(self, sequence: int, revision: int, status: BillStatus) -> "Bill":
        """Return what takes this bill back: its amounts are negative, its energy is not."""
        return replace(
            self,
            bill_id=bill_id(self.tenant_id, self.transaction_id, sequence),
            sequence=sequence,
            kind=BillKind.CREDIT,
            status=status,
            revision=revision,
            corrects=self.bill_id,
            cost=negated(self.cost),
        )


def billed(tenant_id: str, priced: Priced, sequence: int, corrects: UUID | None = None) -> Bill:
    """Return a bill, at its number among the bills and credits of one session or reservation."""
    subject, number = priced.known.subject, priced.known.number
    return Bill(
        bill_id=bill_id(tenant_id, number, sequence),
        tenant_id=tenant_id,
        transaction_id=number,
        sequence=sequence,
        kind=BillKind.BILL,
        status=BillStatus.REVIEW if priced.cost["review"] else BillStatus.FINAL,
        revision=priced.known.revision,
        corrects=corrects,
        station_id=subject.station_id,
        id_token=subject.id_token,
        site_id=subject.site_id,
        tags=tuple(subject.tags),
        tariff_id=priced.by.tariff_id,
        tariff_version=priced.by.version,
        assignment_id=priced.by.assignment_id,
        time_zone=priced.time_zone,
        facts=priced.known.facts(),
        cost=priced.cost,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a price makes: new bills and credits, and those of them that are sent now.

    `holds`: the bill that holds afterwards. `superseded` was kept back, and is never sent.
    """

    holds: Bill | None
    made: tuple[Bill, ...] = ()
    sent: tuple[Bill, ...] = ()
    superseded: Bill | None = None


def outcome(tenant_id: str, before: Bill | None, priced: Priced, sequence: int) -> Outcome:
    """Return what is made of a price where `before` is the bill that holds, if there is one.

    A bill that was sent is taken back by a credit, which is sent with the bill that comes instead
    and not before it. `sequence` is the last that was used.
    """
    if before is None:
        bill = billed(tenant_id, priced, sequence + 1)
        return Outcome(bill, (bill,), _sent(bill))
    if _says_the_same(before, priced.cost):
        return Outcome(before)
    after = billed(tenant_id, priced, sequence + 2, before.bill_id)
    if before.status is BillStatus.REVIEW:
        credit = before.credited(sequence + 1, after.revision, BillStatus.FINAL)
        return Outcome(after, (credit, after), _sent(after), before)
    credit = before.credited(sequence + 1, after.revision, after.status)
    return Outcome(after, (credit, after), _sent(credit, after))


def taken_back(before: Bill | None, sequence: int) -> Outcome:
    """Return what is made where nothing is to be paid, and nothing comes instead of a bill."""
    if before is None:
        return Outcome(None)
    credit = before.credited(sequence + 1, before.revision, BillStatus.FINAL)
    if before.status is BillStatus.REVIEW:
        return Outcome(None, (credit,), superseded=before)
    return Outcome(None, (credit,), (credit,))


def _says_the_same(before: Bill, cost: dict[str, Any]) -> bool:
    """Tell whether a bill can stay: one that nobody has seen yet is replaced whatever changes."""
    if before.status is BillStatus.REVIEW:
        return before.cost == cost
    return amounts_of(before.cost) == amounts_of(cost)


def _sent(*bills: Bill) -> tuple[Bill, ...]:
    return tuple(one for one in bills if one.status is BillStatus.FINAL)


def negated(cost: dict[str, Any]) -> dict[str, Any]:
    """Return a cost as it is shown with all amounts negative; nobody has to look at it again."""
    return {
        **cost,
        "total_excl_vat": _negative(cost["total_excl_vat"]),
        "total_incl_vat": _negative(cost["total_incl_vat"]),
        "lines": [_with_negative_amounts(line) for line in cost["lines"]],
        "vat": [_with_negative_amounts(share) for share in cost["vat"]],
        "review": [],
    }


def amounts_of(cost: dict[str, Any]) -> tuple[Any, ...]:
    """Return what makes a correction where it differs: all that is to be paid."""
    shares = tuple(
        (share["percent"], share["amount_excl_vat"], share["vat"]) for share in cost["vat"]
    )
    return cost["currency"], cost["total_excl_vat"], cost["total_incl_vat"], shares


def _with_negative_amounts(part: dict[str, Any]) -> dict[str, Any]:
    return part | {name: _negative(part[name]) for name in _AMOUNTS if name in part}


def _negative(amount: str) -> str:
    if amount.startswith("-"):
        return amount[1:]
    return f"-{amount}" if Decimal(amount) else amount

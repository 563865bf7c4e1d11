"""billing-service as command-api sees it, played over a real broker."""

from typing import Any

from fake_service import FakeService

from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import BILLING_SERVICE
from csms_shared.contracts.billing import (
    AssignmentView,
    BillStatus,
    BillView,
    Cdr,
    CdrPage,
    ChangeTariff,
    CostLine,
    CostPeriod,
    CostsOf,
    CostSummary,
    CostView,
    CreateAssignment,
    CreateTariff,
    ListCdrs,
    Simulate,
    TariffView,
    VatView,
)
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.requests import SCOPED
from csms_shared.values.times import format_time

Document = dict[str, Any]
AT = "2026-11-20T08:00:00.000Z"
TARGETS = ("id_token", "group_id", "station_id", "tag", "site_id")


def cost_view(**fields: Any) -> Document:
    """Return a cost of one kWh."""
    line = CostLine(
        type="ENERGY",
        from_time=AT,
        to_time="2026-11-20T09:00:00.000Z",
        quantity="1",
        unit="kWh",
        unit_price="0.45",
        amount_excl_vat="0.45",
        vat_percent="19",
        amount_incl_vat="0.5355",
        element=0,
    )
    period = CostPeriod(
        from_time=AT,
        to_time="2026-11-20T09:00:00.000Z",
        kind="CHARGING",
        energy_kwh="1",
        hours="1",
        elements={"ENERGY": 0},
    )
    view = CostView(
        final=True,
        status=BillStatus.FINAL,
        currency="EUR",
        total_excl_vat="0.45",
        total_incl_vat="0.54",
        lines=[line],
        periods=[period],
        vat=[VatView(percent="19", amount_excl_vat="0.45", vat="0.09")],
    )
    return view.model_copy(update=fields).model_dump(mode="json")


def bill_view(bill_id: str, **fields: Any) -> Document:
    """Return a bill that is kept back."""
    view = BillView(
        bill_id=bill_id,
        kind="bill",
        status=BillStatus.REVIEW,
        transaction_id=7,
        station_id="CS-1",
        id_token="T",
        revision=1,
        corrects=None,
        tariff_id="t",
        tariff_version=1,
        currency="EUR",
        total_excl_vat="0.45",
        total_incl_vat="0.54",
        energy_kwh="1",
        review=["clock_ahead"],
        cdr_id=None,
        cdr_position=None,
        created_at=AT,
        released_at=None,
        released_by=None,
    )
    return view.model_copy(update=fields).model_dump(mode="json")


class FakeBilling:
    """Keeps tariffs, assignments, costs by transaction id, and records."""

    def __init__(self, link: Link, publisher: Publisher) -> None:
        self.service = FakeService(link, publisher, BILLING_SERVICE)
        self.tariffs: dict[str, Document] = {}
        self.assignments: dict[str, Document] = {}
        self.costs: dict[int, CostSummary] = {}
        self.cdrs: list[Document] = []
        self.simulated: list[Simulate] = []
        self.service.operations |= {
            "tariffs.list": lambda _: {"items": list(self.tariffs.values()), "next_cursor": None},
            "tariffs.get": self._tariff,
            "tariffs.create": self._create,
            "tariffs.change": self._change,
            "tariffs.delete": self._delete,
            "tariffs.simulate": self._simulate,
            "tariff_assignments.list": lambda _: {
                "items": list(self.assignments.values()),
                "next_cursor": None,
            },
            "tariff_assignments.get": self._assignment,
            "tariff_assignments.create": self._assign,
            "tariff_assignments.delete": lambda asked: (
                self.assignments.pop(self._assignment(asked)["assignment_id"]) and None
            ),
            "costs.of": self._costs_of,
            SCOPED + "costs.of": self._costs_of,
            "cdrs.list": self._list_cdrs,
            "parked.list": lambda _: {"items": [], "next_cursor": None},
            "parked.replay_many": _nothing_parked,
            "parked.delete_many": _nothing_parked,
        }

    def add_cdrs(self, count: int, **fields: Any) -> None:
        """Number so many records more."""
        for _ in range(count):
            position = len(self.cdrs) + 1
            self.cdrs.append({"id": f"CDR-{position}", "total_energy": 1.5, **fields})

    def _tariff(self, asked: Document) -> Document:
        if asked["tariff_id"] not in self.tariffs:
            raise refuse(404, "not_found", "there is no such tariff")
        return self.tariffs[asked["tariff_id"]]

    def _create(self, asked: Document) -> Document:
        new = CreateTariff.model_validate(asked)
        view = TariffView(
            tariff_id=str(new.tariff_id),
            name=new.name,
            version=1,
            tariff=new.tariff,
            created_at=AT,
            created_by=new.created_by,
            changed_at=AT,
            changed_by=new.created_by,
        )
        return self.tariffs.setdefault(view.tariff_id, view.model_dump())

    def _change(self, asked: Document) -> Document:
        change = ChangeTariff.model_validate(asked)
        known = self._tariff(asked)
        return self.tariffs.setdefault(
            known["tariff_id"],
            known,
        ) | {
            "name": change.name,
            "tariff": change.tariff,
            "version": known["version"] + 1,
            "changed_by": change.changed_by,
        }

    def _delete(self, asked: Document) -> None:
        del self.tariffs[self._tariff(asked)["tariff_id"]]

    def _simulate(self, asked: Document) -> Document:
        self._tariff(asked)
        self.simulated.append(Simulate.model_validate(asked))
        return cost_view(tariff_id=asked["tariff_id"])

    def _assignment(self, asked: Document) -> Document:
        if asked["assignment_id"] not in self.assignments:
            raise refuse(404, "not_found", "there is no such assignment")
        return self.assignments[asked["assignment_id"]]

    def _assign(self, asked: Document) -> Document:
        new = CreateAssignment.model_validate(asked)
        named = {new.target.value: new.value} if new.value is not None else {}
        view = AssignmentView(
            assignment_id=str(new.assignment_id),
            tariff_id=str(new.tariff_id),
            tariff_name="Harbour",
            valid_from=new.valid_from and format_time(new.valid_from),
            valid_to=new.valid_to and format_time(new.valid_to),
            created_at=AT,
            created_by=new.created_by,
            **named,
        )
        return self.assignments.setdefault(view.assignment_id, view.model_dump())

    def _costs_of(self, asked: Document) -> Document:
        wanted = CostsOf.model_validate(asked).transaction_ids
        return {
            "costs": {
                str(id): self.costs[id].model_dump(mode="json") for id in wanted if id in self.costs
            }
        }

    def _list_cdrs(self, asked: Document) -> Document:
        query = ListCdrs.model_validate(asked)
        last = min(query.after + query.limit, len(self.cdrs))
        items = [
            Cdr(position=position, cdr=self.cdrs[position - 1], missing=[])
            for position in range(query.after + 1, last + 1)
        ]
        cursor = last if last < len(self.cdrs) else None
        return CdrPage(items=items, next_cursor=cursor).model_dump(mode="json")


def _nothing_parked(_: Document) -> Document:
    return BulkOutcome(matched=0, done=0, failed=0).model_dump()

"""A charge detail record as OCPI 2.2.1 has it (mod_cdrs, CDR object), and what is missing in it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from billing_service.cdrs.domain.places import cdr_location
from billing_service.cdrs.domain.signed import signed_data
from billing_service.cdrs.domain.texts import Id, fit_id, fit_text
from billing_service.costs.domain.exact import half_up
from csms_shared.contracts.session_facts import PlaceView, ReservationFactsView, SessionFactsView
from csms_shared.values.times import format_time, read_moment

# What a line is counted as, in the names of the totals of a CDR.
_TOTALS = {
    "FLAT": "total_fixed_cost",
    "ENERGY": "total_energy_cost",
    "TIME": "total_time_cost",
    "PARKING_TIME": "total_parking_cost",
}
_DIMENSIONS = {"CHARGING": "TIME", "PARKING": "PARKING_TIME", "RESERVATION": "RESERVATION_TIME"}
# Null in these is no lack.
_OPTIONAL = frozenset(
    ("cdr_location.name", "cdr_location.postal_code", "meter_id", "remark", "signed_data")
)
# OCPI, types: "numbers use 4 decimals".
_PLACES = 4


@dataclass(frozen=True, slots=True)
class RecordOf:
    """What a record is of: a bill or a credit (`credits`) with its facts. `cost` is as shown."""

    bill_id: UUID
    credits: UUID | None
    cost: dict[str, Any]
    tariff_id: UUID
    tariff: dict[str, Any]
    tariff_changed_at: datetime
    subject: SessionFactsView | ReservationFactsView
    place: PlaceView | None


def cdr_document(record: RecordOf, last_updated: datetime) -> tuple[dict[str, Any], list[str]]:
    """Return the record, and which fields it has no value for, though OCPI demands one.

    A credit is what it takes back once more, but for its id and `total_cost`, which alone is
    negative (mod_cdrs, Credit CDRs).
    """
    subject, cost, place = record.subject, record.cost, record.place
    owner = {
        "country_code": None if place is None else place.tenant_country,
        "party_id": None if place is None else place.party_id,
    }
    periods = cost["periods"] or [_no_time(subject)]
    document = {
        **owner,
        "id": str(record.bill_id),
        "start_date_time": periods[0]["from_time"],
        "end_date_time": periods[-1]["to_time"],
        **_of_session(subject),
        "cdr_token": _token(subject, owner),
        "cdr_location": cdr_location(subject, place),
        "meter_id": None if place is None else fit_text(place.meter_id, 255),
        "currency": cost["currency"],
        "tariffs": [_tariff(record, owner)],
        "charging_periods": _charging_periods(periods, record.tariff_id),
        "signed_data": _signed_data(subject, place),
        "total_cost": _price(Fraction(cost["total_excl_vat"]), Fraction(cost["total_incl_vat"])),
        **_costs(cost["lines"], -1 if record.credits is not None else 1),
        "total_energy": _number(Fraction(cost["energy_kwh"])),
        "total_time": _hours(periods, "CHARGING", "PARKING"),
        "total_parking_time": _hours(periods, "PARKING"),
        "remark": fit_text(_remark(subject), 255),
        "last_updated": format_time(last_updated),
    }
    if record.credits is not None:
        document |= {"credit": True, "credit_reference_id": str(record.credits)}
    return _present(document), sorted(_missing("", document))


def _of_session(subject: SessionFactsView | ReservationFactsView) -> dict[str, str]:
    """Return by which session it was, which a reservation that nobody used is not (session_id)."""
    if isinstance(subject, ReservationFactsView):
        # It was reserved for the token by ReserveNow.
        return {"auth_method": "COMMAND"}
    # Tokens are known here: nobody else was asked.
    return {"session_id": str(subject.transaction_id), "auth_method": "WHITELIST"}


def _signed_data(
    subject: SessionFactsView | ReservationFactsView, place: PlaceView | None
) -> dict[str, Any] | None:
    if isinstance(subject, ReservationFactsView):
        return None
    return signed_data(subject.signed, None if place is None else place.meter_public_key)


def _remark(subject: SessionFactsView | ReservationFactsView) -> str | None:
    if isinstance(subject, ReservationFactsView):
        return f"reservation {subject.status}"
    return subject.stop_reason


def _token(
    subject: SessionFactsView | ReservationFactsView, owner: dict[str, str | None]
) -> dict[str, Any]:
    """Return the token: the operator's own, whose contract is known by the token itself."""
    uid = fit_id(subject.id_token, Id.TOKEN)
    return {**owner, "uid": uid, "type": "RFID", "contract_id": uid}


def _tariff(record: RecordOf, owner: dict[str, str | None]) -> dict[str, Any]:
    changed_at = format_time(record.tariff_changed_at)
    return {**owner, "id": str(record.tariff_id), **record.tariff, "last_updated": changed_at}


def _missing(path: str, document: dict[str, Any]) -> Iterable[str]:
    for name, value in document.items():
        if value is None and f"{path}{name}" not in _OPTIONAL:
            yield f"{path}{name}"
        elif isinstance(value, dict):
            yield from _missing(f"{path}{name}.", value)


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _present(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_present(part) for part in value]
    return value


def _no_time(session: SessionFactsView | ReservationFactsView) -> dict[str, Any]:
    """Return the period of a session in which nothing happened: OCPI demands one."""
    begins, ends = session.started_at, session.stopped_at or session.started_at
    return {
        "from_time": _time(begins),
        "to_time": _time(max(begins, ends)),
        "kind": "PARKING",
        "energy_kwh": "0",
        "hours": "0",
    }


def _charging_periods(periods: Sequence[dict[str, Any]], tariff_id: UUID) -> list[dict[str, Any]]:
    """Return the periods, whose volumes add up to the totals: sums are rounded, not parts."""
    volumes: dict[str, Fraction] = defaultdict(Fraction)
    return [
        {
            "start_date_time": period["from_time"],
            "dimensions": [
                {"type": type_, "volume": _added(volumes, type_, Fraction(period[measure]))}
                for type_, measure in (
                    ("ENERGY", "energy_kwh"),
                    (_DIMENSIONS[period["kind"]], "hours"),
                )
                if measure == "hours" or Fraction(period[measure])
            ],
            "tariff_id": str(tariff_id),
        }
        for period in periods
    ]


def _added(volumes: dict[str, Fraction], type_: str, volume: Fraction) -> float:
    before = half_up(volumes[type_], _PLACES)
    volumes[type_] += volume
    return float(half_up(volumes[type_], _PLACES) - before)


def _costs(lines: Sequence[dict[str, Any]], sign: int) -> dict[str, Any]:
    sums: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for line in lines:
        name = "total_reservation_cost" if line["of_reservation"] else _TOTALS.get(line["type"])
        if name is not None:
            sums[name][0] += sign * Fraction(line["amount_excl_vat"])
            sums[name][1] += sign * Fraction(line["amount_incl_vat"])
    return {name: _price(excl, incl) for name, (excl, incl) in sums.items()}


def _price(excl_vat: Fraction, incl_vat: Fraction) -> dict[str, float]:
    return {"excl_vat": _number(excl_vat), "incl_vat": _number(incl_vat)}


def _hours(periods: Sequence[dict[str, Any]], *kinds: str) -> float:
    """Return the hours of these kinds of periods: the sum of what is shown of each kind."""
    return float(
        sum(
            half_up(
                sum((Fraction(one["hours"]) for one in periods if one["kind"] == kind), 0), _PLACES
            )
            for kind in kinds
        )
    )


def _number(number: Fraction) -> float:
    return float(half_up(number, _PLACES))


def _time(text: str) -> str:
    return format_time(read_moment(text))

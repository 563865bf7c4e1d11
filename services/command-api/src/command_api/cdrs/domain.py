"""Charge detail records as CSV (RFC 4180): one line a record; columns are only added, last."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from csms_shared.contracts.billing import Cdr

COLUMNS = (
    "position",
    "cdr_id",
    "last_updated",
    "start_date_time",
    "end_date_time",
    "session_id",
    "credit",
    "credit_reference_id",
    "token_uid",
    "contract_id",
    "location_id",
    "location_name",
    "address",
    "postal_code",
    "city",
    "country",
    "evse_uid",
    "connector_id",
    "tariff_ids",
    "currency",
    "total_energy_kwh",
    "total_time_h",
    "total_parking_time_h",
    "total_excl_vat",
    "total_incl_vat",
    "missing",
    "reservation_excl_vat",
    "reservation_incl_vat",
)
# A spreadsheet takes a text that begins so for a formula, and who charges may choose some texts.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def header() -> str:
    """Return the first line."""
    return _written([COLUMNS])


def lines(records: Iterable[Cdr]) -> str:
    """Return the lines of records."""
    return _written(_cells(one) for one in records)


def _written(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cells(record: Cdr) -> list[str]:
    cdr = record.cdr
    place, token, cost, reserved = (
        _part(cdr, name)
        for name in ("cdr_location", "cdr_token", "total_cost", "total_reservation_cost")
    )
    values = {
        **{name: cdr.get(name) for name in COLUMNS},
        "position": record.position,
        "cdr_id": cdr.get("id"),
        "credit": cdr.get("credit", False),
        "token_uid": token.get("uid"),
        "contract_id": token.get("contract_id"),
        "location_id": place.get("id"),
        "location_name": place.get("name"),
        **{
            name: place.get(name)
            for name in ("address", "postal_code", "city", "country", "evse_uid", "connector_id")
        },
        "tariff_ids": [one.get("id") for one in cdr.get("tariffs", ())],
        "total_energy_kwh": cdr.get("total_energy"),
        "total_time_h": cdr.get("total_time"),
        "total_parking_time_h": cdr.get("total_parking_time"),
        "total_excl_vat": cost.get("excl_vat"),
        "total_incl_vat": cost.get("incl_vat"),
        "missing": record.missing,
        "reservation_excl_vat": reserved.get("excl_vat"),
        "reservation_incl_vat": reserved.get("incl_vat"),
    }
    return [_cell(values[name]) for name in COLUMNS]


def _part(cdr: dict[str, Any], name: str) -> dict[str, Any]:
    part = cdr.get(name)
    return part if isinstance(part, dict) else {}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = " ".join(str(one) for one in value)
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    # The shortest decimal that is this number, as JSON has it.
    return str(value)

"""Charge detail records as lines of CSV."""

import csv
import io
from typing import Any

import pytest

from command_api.cdrs.domain import COLUMNS, header, lines
from csms_shared.contracts.billing import Cdr

CDR: dict[str, Any] = {
    "id": "6d0e",
    "session_id": "17",
    "start_date_time": "2026-11-20T08:00:00Z",
    "end_date_time": "2026-11-20T09:00:00Z",
    "cdr_token": {"uid": "04A1", "contract_id": "DE-1"},
    "cdr_location": {
        "id": "harbour",
        "name": 'Quay "1", north',
        "address": "Quay 1\nGate",
        "city": "Hamburg",
        "postal_code": "20457",
        "country": "DEU",
        "evse_uid": "CS-1*1",
        "connector_id": "1",
    },
    "currency": "EUR",
    "tariffs": [{"id": "t-1"}, {"id": "t-2"}],
    "total_cost": {"excl_vat": -4.3, "incl_vat": -5.12},
    "total_reservation_cost": {"excl_vat": -1.5, "incl_vat": -1.8},
    "total_energy": 0.0001,
    "total_time": 1,
    "credit": True,
    "credit_reference_id": "5c1d",
    "last_updated": "2026-11-20T09:00:10Z",
}


def _row(cdr: dict[str, Any], missing: tuple[str, ...] = ()) -> dict[str, str]:
    record = Cdr(position=12, cdr=cdr, missing=list(missing))
    text = header() + lines([record])
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    return row


def test_each_column_has_what_the_record_says() -> None:
    row = _row(CDR, ("cdr_location.address", "party_id"))
    assert row == {
        "position": "12",
        "cdr_id": "6d0e",
        "last_updated": "2026-11-20T09:00:10Z",
        "start_date_time": "2026-11-20T08:00:00Z",
        "end_date_time": "2026-11-20T09:00:00Z",
        "session_id": "17",
        "credit": "true",
        "credit_reference_id": "5c1d",
        "token_uid": "04A1",
        "contract_id": "DE-1",
        "location_id": "harbour",
        "location_name": 'Quay "1", north',
        "address": "Quay 1\nGate",
        "postal_code": "20457",
        "city": "Hamburg",
        "country": "DEU",
        "evse_uid": "CS-1*1",
        "connector_id": "1",
        "tariff_ids": "t-1 t-2",
        "currency": "EUR",
        "total_energy_kwh": "0.0001",
        "total_time_h": "1",
        "total_parking_time_h": "",
        "total_excl_vat": "-4.3",
        "total_incl_vat": "-5.12",
        "missing": "cdr_location.address party_id",
        "reservation_excl_vat": "-1.5",
        "reservation_incl_vat": "-1.8",
    }


def test_a_record_without_a_field_has_an_empty_cell_and_is_no_credit() -> None:
    row = _row({})
    assert tuple(row) == COLUMNS
    assert (row["credit"], row["total_incl_vat"], row["city"]) == ("false", "", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_is_never_a_formula_and_a_number_stays_one(text: str) -> None:
    row = _row({"cdr_token": {"uid": text}, "total_cost": {"excl_vat": -1}})
    assert row["token_uid"] == "'" + text
    assert row["total_excl_vat"] == "-1"


def test_lines_end_as_rfc_4180_says() -> None:
    assert header() == ",".join(COLUMNS) + "\r\n"
    assert lines([]) == ""

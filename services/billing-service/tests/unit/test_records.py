"""Charge detail records in OCPI's shape, held against what the specification demands of each."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import ocpi_records
import orjson
import pytest
from billing_cases import element, price
from pydantic import ValidationError

from billing_service.bills.domain.bill import negated
from billing_service.bills.domain.pricing import ByTariff, Known, priced
from billing_service.cdrs.domain.document import RecordOf, cdr_document
from csms_shared.contracts.session_facts import PlaceView, SessionFactsView

BILL, CREDIT, TARIFF = UUID(int=1), UUID(int=2), UUID(int=3)
CHANGED = datetime(2026, 1, 1, tzinfo=UTC)
WRITTEN = datetime(2026, 11, 23, 12, tzinfo=UTC)
# 0.50 to begin with, 0.30 a kWh, 1.20 an hour of charging and 2.40 of parking; 20 % VAT on all.
PRICES: dict[str, Any] = {
    "currency": "EUR",
    "elements": [
        element(
            price("FLAT", 0.5, 20),
            price("ENERGY", 0.3, 20),
            price("TIME", 1.2, 20),
            price("PARKING_TIME", 2.4, 20),
        ),
        element(price("TIME", 6.0, 20), reservation="RESERVATION"),
    ],
}


def session(**changes: Any) -> SessionFactsView:
    """Return 30 minutes of charging 10 kWh, 20 of parking, after 10 of a reservation."""
    facts = {
        "transaction_id": 7,
        "revision": 1,
        "station_id": "S1",
        "site_id": "harbour",
        "connector_id": 2,
        "id_token": "04AABB",
        "group_id": None,
        "started_at": "2026-11-23T09:00:00.000000Z",
        "stopped_at": "2026-11-23T09:50:00.000000Z",
        "meter_start": 1000,
        "meter_stop": 11000,
        "stop_reason": "Local",
        "flags": [],
        "readings": [{"at": "2026-11-23T09:30:00.000000Z", "energy_wh": "11000"}],
        "reservation": {"reserved_at": "2026-11-23T08:50:00.000000Z"},
    }
    return SessionFactsView.model_validate(facts | changes)


def place(**changes: Any) -> PlaceView:
    facts = {
        "transaction_id": 7,
        "station_id": "S1",
        "tags": [],
        "site_id": "harbour",
        "site_name": "Harbour",
        "address": "Quay 1",
        "city": "Hamburg",
        "postal_code": "20457",
        "country": "DE",
        "latitude": 53.5413,
        "longitude": 9.9841,
        "time_zone": "Europe/Berlin",
        "tenant_country": "DE",
        "party_id": "NOR",
        "connector_type": "IEC_62196_T2_COMBO",
        "meter_id": "M 1",
    }
    return PlaceView.model_validate(facts | changes)


def record(
    of: SessionFactsView | None = None, at: PlaceView | None = None, **tariff: Any
) -> RecordOf:
    known = Known(of or session(), at or place())
    prices = PRICES | tariff
    cost = priced(known, ByTariff(TARIFF, 1, "Day", prices)).cost
    return RecordOf(BILL, None, cost, TARIFF, prices, CHANGED, known.subject, known.place)


def written(of: RecordOf) -> tuple[dict[str, Any], list[str]]:
    document, missing = cdr_document(of, WRITTEN)
    read: dict[str, Any] = orjson.loads(orjson.dumps(document))
    return read, missing


def lacking(document: dict[str, Any]) -> list[str]:
    """Return what OCPI does not take of a record."""
    try:
        ocpi_records.Cdr.model_validate(document)
    except ValidationError as error:
        return sorted(".".join(map(str, one["loc"])) for one in error.errors())
    return []


def test_a_record_is_what_was_worked_out_by_hand() -> None:
    document, missing = written(record())
    assert (missing, lacking(document)) == ([], [])
    tariffs = document.pop("tariffs")
    (tariff,) = tariffs
    assert tariff == PRICES | {
        "country_code": "DE",
        "party_id": "NOR",
        "id": str(TARIFF),
        "last_updated": "2026-01-01T00:00:00.000Z",
    }
    assert document == {
        "country_code": "DE",
        "party_id": "NOR",
        "id": str(BILL),
        "start_date_time": "2026-11-23T08:50:00.000Z",
        "end_date_time": "2026-11-23T09:50:00.000Z",
        "session_id": "7",
        "cdr_token": {
            "country_code": "DE",
            "party_id": "NOR",
            "uid": "04AABB",
            "type": "RFID",
            "contract_id": "04AABB",
        },
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "harbour",
            "name": "Harbour",
            "address": "Quay 1",
            "city": "Hamburg",
            "postal_code": "20457",
            "country": "DEU",
            "coordinates": {"latitude": "53.541300", "longitude": "9.984100"},
            "evse_uid": "S1*2",
            "evse_id": "DE*NOR*ES1*2",
            "connector_id": "2",
            "connector_standard": "IEC_62196_T2_COMBO",
            "connector_format": "CABLE",
            "connector_power_type": "DC",
        },
        "meter_id": "M 1",
        "currency": "EUR",
        "charging_periods": [
            {
                "start_date_time": "2026-11-23T08:50:00.000Z",
                "dimensions": [{"type": "RESERVATION_TIME", "volume": 0.1667}],
                "tariff_id": str(TARIFF),
            },
            {
                "start_date_time": "2026-11-23T09:00:00.000Z",
                "dimensions": [{"type": "ENERGY", "volume": 10}, {"type": "TIME", "volume": 0.5}],
                "tariff_id": str(TARIFF),
            },
            {
                "start_date_time": "2026-11-23T09:30:00.000Z",
                "dimensions": [{"type": "PARKING_TIME", "volume": 0.3333}],
                "tariff_id": str(TARIFF),
            },
        ],
        # 0.50 + 3.00 + 0.60 + 0.80 + 1.00
        "total_cost": {"excl_vat": 5.9, "incl_vat": 7.08},
        "total_fixed_cost": {"excl_vat": 0.5, "incl_vat": 0.6},
        "total_energy": 10,
        "total_energy_cost": {"excl_vat": 3, "incl_vat": 3.6},
        "total_time": 0.8333,
        "total_time_cost": {"excl_vat": 0.6, "incl_vat": 0.72},
        "total_parking_time": 0.3333,
        "total_parking_cost": {"excl_vat": 0.8, "incl_vat": 0.96},
        "total_reservation_cost": {"excl_vat": 1, "incl_vat": 1.2},
        "remark": "Local",
        "last_updated": "2026-11-23T12:00:00.000Z",
    }


def test_a_credit_is_the_record_once_more_with_a_negative_total_cost() -> None:
    bill = record()
    first, _ = written(bill)
    credit, missing = written(replace(bill, bill_id=CREDIT, credits=BILL, cost=negated(bill.cost)))
    assert (missing, lacking(credit)) == ([], [])
    assert credit == first | {
        "id": str(CREDIT),
        "credit": True,
        "credit_reference_id": str(BILL),
        "total_cost": {"excl_vat": -5.9, "incl_vat": -7.08},
    }


def test_what_nobody_entered_is_named_and_is_all_that_ocpi_lacks() -> None:
    bare = place(
        address=None,
        city=None,
        country=None,
        latitude=None,
        longitude=None,
        tenant_country=None,
        party_id=None,
        connector_type="IEC_62196_T2",
    )
    document, missing = written(record(at=bare))
    assert missing == [
        "cdr_location.address",
        "cdr_location.city",
        "cdr_location.connector_format",
        "cdr_location.connector_power_type",
        "cdr_location.coordinates",
        "cdr_location.country",
        "cdr_location.evse_id",
        "cdr_token.country_code",
        "cdr_token.party_id",
        "country_code",
        "party_id",
    ]
    of_the_tariff = ["tariffs.0.country_code", "tariffs.0.party_id"]
    assert lacking(document) == sorted([*missing, *of_the_tariff])


def test_a_station_without_a_place_is_a_location_of_its_own() -> None:
    document, missing = written(replace(record(session(site_id=None)), place=None))
    assert document["cdr_location"] == {"id": "S1", "evse_uid": "S1*2", "connector_id": "2"}
    assert "cdr_location.connector_standard" in missing


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"connector_type": "IEC_62196_T2", "phase_count": 3}, (None, "AC_3_PHASE")),
        ({"connector_type": "IEC_62196_T1", "phase_count": 1}, ("CABLE", "AC_1_PHASE")),
        ({"connector_type": "CHADEMO", "phase_count": 3}, ("CABLE", "DC")),
        ({"connector_type": None, "phase_count": 3}, (None, None)),
    ],
)
def test_format_and_power_type_follow_from_plug_and_phases_where_they_do(
    changes: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    location = written(record(at=place(**changes)))[0]["cdr_location"]
    assert (location.get("connector_format"), location.get("connector_power_type")) == expected


def test_texts_and_ids_of_any_length_are_taken_as_ocpi_takes_them() -> None:
    long = "Größe\n" * 60
    document, missing = written(
        record(
            session(station_id="s" * 48, id_token="ü" * 40, stop_reason=long),
            place(station_id="s" * 48, site_name=long, address=long, city=long, postal_code=long),
        )
    )
    assert (missing, lacking(document)) == (["cdr_location.evse_id"], ["cdr_location.evse_id"])
    assert document["cdr_location"]["address"] == ("Größe " * 8)[:45]
    again, _ = written(record(session(id_token="ü" * 41)))
    assert document["cdr_token"]["uid"] != again["cdr_token"]["uid"]


def test_volumes_of_periods_add_up_to_the_totals() -> None:
    thirds = [
        {"at": f"2026-11-23T09:{minute:02}:00.000000Z", "energy_wh": str(1000 + 333.333 * minute)}
        for minute in range(1, 30)
    ]
    prices = [element(price("ENERGY", 0.3), max_kwh=kwh) for kwh in (1.1117, 2.2223, 3.3331)]
    document, _ = written(
        record(session(readings=thirds), elements=[*prices, element(price("ENERGY", 0.2))])
    )
    periods = document["charging_periods"]
    assert len(periods) > 3
    for type_, total in (("ENERGY", "total_energy"), ("PARKING_TIME", "total_parking_time")):
        volumes = [
            one["volume"] for period in periods for one in period["dimensions"]
            if one["type"] == type_
        ]  # fmt: skip
        assert round(sum(volumes), 4) == document[total]


def test_a_session_that_took_no_time_has_one_period() -> None:
    at = "2026-11-23T09:00:00.123456Z"
    nothing = session(started_at=at, stopped_at=at, meter_stop=1000, readings=[], reservation=None)
    document, missing = written(record(nothing))
    assert (missing, lacking(document)) == ([], [])
    assert len(document["charging_periods"]) == 1
    assert document["start_date_time"] == document["end_date_time"] == "2026-11-23T09:00:00.123Z"


def test_the_specifications_own_example_is_a_record() -> None:
    """mod_cdrs, example of a CDR: what the tests demand is no more than OCPI does."""
    example: dict[str, Any] = {
        "country_code": "BE",
        "party_id": "BEC",
        "id": "12345",
        "start_date_time": "2015-06-29T21:39:09Z",
        "end_date_time": "2015-06-29T23:37:32Z",
        "cdr_token": {
            "country_code": "DE",
            "party_id": "TNM",
            "uid": "012345678",
            "type": "RFID",
            "contract_id": "DE8ACC12E46L89",
        },
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "LOC1",
            "name": "Gent Zuid",
            "address": "F.Rooseveltlaan 3A",
            "city": "Gent",
            "postal_code": "9000",
            "country": "BEL",
            "coordinates": {"latitude": "3.729944", "longitude": "51.047599"},
            "evse_uid": "3256",
            "evse_id": "BE*BEC*E041503003",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_1_PHASE",
        },
        "currency": "EUR",
        "tariffs": [
            {
                "country_code": "BE",
                "party_id": "BEC",
                "id": "12",
                "currency": "EUR",
                "elements": [element(price("TIME", 2.0, 10.0, 300))],
                "last_updated": "2015-02-02T14:15:01Z",
            }
        ],
        "charging_periods": [
            {
                "start_date_time": "2015-06-29T21:39:09Z",
                "dimensions": [{"type": "TIME", "volume": 1.973}],
                "tariff_id": "12",
            }
        ],
        "total_cost": {"excl_vat": 4.0, "incl_vat": 4.4},
        "total_energy": 15.342,
        "total_time": 1.973,
        "total_time_cost": {"excl_vat": 4.0, "incl_vat": 4.4},
        "last_updated": "2015-06-29T22:01:13Z",
    }
    assert lacking(example) == []

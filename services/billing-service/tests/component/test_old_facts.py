"""What was deleted since a bill, as it is old, takes nothing back that was right."""

from datetime import timedelta
from typing import Any

from bill_books import START, Books, amounts
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from csms_shared.contracts.billing import BillStatus
from csms_shared.values.times import format_exact_time

_BY_CURRENT: dict[str, Any] = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}],
            "restrictions": {"min_current": 16},
        },
        {"price_components": [{"type": "ENERGY", "price": 0.1, "step_size": 1}]},
    ],
}
_PARKING: dict[str, Any] = {
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "PARKING_TIME", "price": 6, "step_size": 1}]}],
}


def _at(minutes: int) -> str:
    return format_exact_time(START + timedelta(minutes=minutes))


async def test_currents_that_were_deleted_since_take_no_bill_back(books: Books) -> None:
    await books.assign(_BY_CURRENT)
    books.ask.know(1, currents=[{"at": _at(1), "amperes": "32"}])
    await books.bill(1)
    before = await books.cost(1)
    await books.correct(1, 2, currents=[], values_complete=False)
    assert await books.cost(1) == before
    assert len(await books.bills()) == 1


async def test_some_currents_that_were_deleted_since_take_no_bill_back(books: Books) -> None:
    await books.assign(_BY_CURRENT)
    late = {"at": _at(30), "amperes": "6"}
    books.ask.know(1, currents=[{"at": _at(1), "amperes": "32"}, late])
    await books.bill(1)
    before = await books.cost(1)
    await books.correct(1, 2, currents=[late], values_complete=False)
    assert amounts(await books.cost(1)) == amounts(before)
    assert await books.keys() == ["bill.issued"]


async def test_a_wrong_signature_that_was_deleted_since_still_keeps_its_bill_back(
    books: Books,
) -> None:
    await books.assign()
    key = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
    payload = '{"FV":"1.0","RD":[{"RV":11.000,"RU":"kWh"}]}'
    signature = key.sign(b"something else", ec.ECDSA(SHA256())).hex()
    value = f'OCMF|{payload}|{{"SD":"{signature}"}}'
    books.ask.know(1, signed=[{"at": _at(59), "context": "Transaction.End", "value": value}])
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    books.ask.of_places[1]["meter_public_key"] = f"oca:base16:asn1:{der.hex()}"
    await books.bill(1)
    assert (await books.cost(1)).review == ["signature_invalid"]
    books.ask.know(1, signed=[], values_complete=False)
    await books.settle_again(1)
    assert (await books.cost(1)).status is BillStatus.REVIEW
    assert await books.positions() == []


async def test_statuses_that_were_deleted_since_take_no_bill_back(books: Books) -> None:
    await books.assign(_PARKING)
    books.ask.know(1, readings=[{"at": _at(30), "energy_wh": "11000"}])
    books.ask.of_places[1]["statuses"] = [{"at": _at(30), "status": "SuspendedEVSE"}]
    await books.bill(1)
    before = await books.cost(1)
    books.ask.of_places[1]["statuses"] = []
    await books.correct(1, 2, stop_reason="Remote")
    assert amounts(await books.cost(1)) == amounts(before)
    assert await books.keys() == ["bill.issued"]


async def test_a_status_that_is_told_late_still_corrects_a_bill(books: Books) -> None:
    await books.assign(_PARKING)
    books.ask.know(1, readings=[{"at": _at(30), "energy_wh": "11000"}])
    books.ask.of_places[1]["statuses"] = [{"at": _at(-30), "status": "Available"}]
    await books.bill(1)
    books.ask.of_places[1]["statuses"] = [
        {"at": _at(-5), "status": "Preparing"},
        {"at": _at(30), "status": "SuspendedEVSE"},
    ]
    await books.correct(1, 2, stop_reason="Remote")
    assert await books.keys() == ["bill.issued", "bill.credited", "bill.issued"]

"""Sessions whose meter signs, from what stations sent to the record that is handed on."""

from base64 import b64encode
from typing import Any

from bill_books import Books
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from csms_shared.contracts.billing import BillStatus

KEY = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
PAYLOAD = '{"FV":"1.0","RD":[{"RV":11.000,"RU":"kWh"}]}'
SIGNATURE = KEY.sign(PAYLOAD.encode(), ec.ECDSA(SHA256())).hex()
VALUE = f'OCMF|{PAYLOAD}|{{"SD":"{SIGNATURE}"}}'


def _know(books: Books, value: str) -> None:
    at = "2026-11-23T09:00:00.000000Z"
    books.ask.know(1, signed=[{"at": at, "context": "Transaction.End", "value": value}])
    der = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    books.ask.of_places[1]["meter_public_key"] = f"oca:base16:asn1:{der.hex()}"


async def _signed_data(books: Books) -> list[dict[str, Any]]:
    return [one.cdr["signed_data"] for one in (await books.cdrs()).items]


async def test_what_the_meter_signed_is_in_the_record(books: Books) -> None:
    await books.assign()
    _know(books, VALUE)
    await books.bill(1)
    cost = await books.cost(1)
    assert (cost.status, [one.verified for one in cost.signatures]) == (BillStatus.FINAL, [True])
    (signed,) = await _signed_data(books)
    assert signed["signed_values"] == [
        {
            "nature": "End",
            "plain_data": PAYLOAD,
            "signed_data": b64encode(VALUE.encode()).decode(),
        }
    ]


async def test_a_bill_with_a_wrong_signature_waits_until_somebody_has_looked(books: Books) -> None:
    await books.assign()
    _know(books, VALUE.replace("11.000", "12.000"))
    await books.bill(1)
    cost = await books.cost(1)
    assert (cost.status, cost.review) == (BillStatus.REVIEW, ["signature_invalid"])
    assert [one.reason for one in cost.signatures] == ["signature_invalid"]
    assert await _signed_data(books) == []
    (bill,) = await books.bills(status=BillStatus.REVIEW)
    await books.release(bill.bill_id)
    assert len(await _signed_data(books)) == 1

"""Values that meters signed: handed on as they were sent, and checked where they are OCMF."""

import json
from base64 import b64decode, b64encode
from typing import Any
from uuid import UUID

import ocpi_records
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from billing_service.bills.domain.pricing import ByTariff, Known, priced
from billing_service.cdrs.domain.signed import signatures, signed_data
from csms_shared.contracts.session_facts import PlaceView, SessionFactsView, SignedValue

KEY = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
# With blanks and an escape that nothing would write anew in the same way, and with the separator.
PAYLOAD = '{"FV" : "1.0", "ID":"a|b\\u00e4", "RD":[{"RV":0.100,"RU":"kWh"}]}'
AT = "2026-11-23T09:00:00.000000Z"


def der(key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def ocmf(
    payload: str = PAYLOAD, key: ec.EllipticCurvePrivateKey = KEY, digest: Any = None, **fields: Any
) -> str:
    signature = key.sign(payload.encode(), ec.ECDSA(digest or SHA256()))
    sent = b64encode(signature).decode() if fields.get("SE") == "base64" else signature.hex()
    return f"OCMF|{payload}|{json.dumps(fields | {'SD': sent})}"


def wrapped(text: str, key: str = "", method: str = "OCMF") -> str:
    """Return a value as the Open Charge Alliance has it for OCPP 1.6."""
    return json.dumps(
        {
            "signedMeterData": b64encode(text.encode()).decode(),
            "signingMethod": "",
            "encodingMethod": method,
            "publicKey": key,
        }
    )


def oca(key: ec.EllipticCurvePrivateKey = KEY) -> str:
    return b64encode(f"oca:base16:asn1:{der(key).hex()}".encode()).decode()


def value(text: str, context: str | None = "Transaction.End") -> SignedValue:
    return SignedValue(at=AT, context=context, value=text)


def verdict(text: str, key: str | None = None) -> tuple[bool | None, str | None]:
    (found,) = signatures([value(text)], key)
    return found.verified, found.reason


@pytest.mark.parametrize(
    ("curve", "name"),
    [
        (ec.SECP192R1(), "secp192r1"),
        (ec.SECP256K1(), "secp256k1"),
        (ec.SECP256R1(), "secp256r1"),
        (ec.SECP384R1(), "secp384r1"),
        (ec.SECP521R1(), "secp521r1"),
        (ec.BrainpoolP256R1(), "brainpool256r1"),
        (ec.BrainpoolP256R1(), "brainpoolP256r1"),
        (ec.BrainpoolP384R1(), "brainpool384r1"),
    ],
)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_of_every_curve_is_right_and_wrong_once_a_byte_is_another(
    curve: ec.EllipticCurve, name: str, encoding: str
) -> None:
    key = ec.derive_private_key(0xABCDEF, curve)
    text = ocmf(key=key, SA=f"ECDSA-{name}-SHA256", SE=encoding)
    assert verdict(text, der(key).hex()) == (True, None)
    changed = text.replace("0.100", "0.10")
    assert verdict(changed, der(key).hex()) == (False, "signature_invalid")


# As they are published, each with its meter's key, in the test data of the Transparenzsoftware of
# S.A.F.E. e.V. (Apache-2.0). The second one's signature is not strictly DER.
PUBLISHED = (
    (
        'OCMF|{"FV":"1.0","GI":"KEBA_KCP30","GS":"17619300","GV":"2.8.5","PG":"T32","IS":false,'
        '"IL":"NONE","IF":["RFID_NONE","OCPP_NONE","ISO15118_NONE","PLMN_NONE"],"IT":"NONE",'
        '"ID":"","RD":[{"TM":"2019-08-13T10:03:15,000+0000 I","TX":"B","EF":"","ST":"G",'
        '"RV":0.2596,"RI":"1-b:1.8.0","RU":"kWh"},{"TM":"2019-08-13T10:03:36,000+0000 R",'
        '"TX":"E","EF":"","ST":"G","RV":0.2597,"RI":"1-b:1.8.0","RU":"kWh"}]}|{"SD":"'
        "304502200E2F107C987A300AC1695CA89EA149A8CDFA16188AF0A33EE64B67964AA943F9"
        '022100889A72B6D65364BEA8562E7F6A0253157ACFF84FE4929A93B5964D23C4265699"}',
        "3059301306072A8648CE3D020106082A8648CE3D030107034200043AEEB45C392357820A58FDFB"
        "0857BD77ADA31585C61C430531DFA53B440AFBFDD95AC887C658EA55260F808F55CA948DF235C2"
        "108A0D6DC7D4AB1A5E1A7955BE",
    ),
    (
        'OCMF|{"FV":"1.0","GI":"eBZ LD3","GS":"1EBZ0300034628","GV":"V207","MS":"1EBZ0300034628",'
        '"PG":"T120","IS":true,"IL":"TRUSTED","IT":"EMAID","ID":"DKV_Testbox2","CI":"Dies",'
        '"CT":"EVSEID","RD":[{"TM":"2022-10-27T19:38:50,000+0200 I","TX":"B","RV":2851485,'
        '"RI":"1-b:1.8.e","RU":"Wh","ST":"G"},{"TM":"2022-10-27T19:43:38,000+0200 I","TX":"E",'
        '"RV":2851753,"RI":"1-b:1.8.e","RU":"Wh","ST":"G"}]}|{"SA":"ECDSA-secp192r1-SHA256",'
        '"SD":"30340218e10a077929f593717affdff69a5df0d2862989a6638f873d0218007d21b1c0255c5b24a3c5'
        'a01d600839ebae2bb67bcb1159"}',
        "3049301306072a8648ce3d020106082a8648ce3d03010103320004"
        "1e155ef46fbcc56005769c08d792127c006c242ccccd96bf"
        "7051b6fbc278497036659e7bae57f542776a17c7f8b28600",
    ),
)


@pytest.mark.parametrize(("text", "key"), PUBLISHED)
def test_what_meters_have_signed_is_right(text: str, key: str) -> None:
    assert verdict(text, key) == (True, None)
    assert verdict(wrapped(text), key) == (True, None)
    assert verdict(text.replace('"TX":"E"', '"TX":"C"'), key) == (False, "signature_invalid")


def test_the_algorithm_is_the_formats_own_where_none_is_said_and_may_hash_otherwise() -> None:
    assert verdict(ocmf(), der().hex()) == (True, None)
    text = ocmf(digest=SHA512(), SA="ECDSA-secp256r1-SHA512")
    assert verdict(text, der().hex()) == (True, None)


def test_another_meters_key_makes_a_signature_wrong() -> None:
    other = ec.derive_private_key(5, ec.SECP256R1())
    assert verdict(ocmf(), der(other).hex()) == (False, "signature_invalid")
    of_another_curve = ec.derive_private_key(5, ec.SECP384R1())
    assert verdict(ocmf(), der(of_another_curve).hex()) == (False, "signature_invalid")


@pytest.mark.parametrize(
    "signature", ['"zz"', '"3045"', '""', '"0602010102"', '"3006020101020101"']
)
def test_a_signature_that_is_none_is_wrong(signature: str) -> None:
    text = f'OCMF|{PAYLOAD}|{{"SD":{signature}}}'
    assert verdict(text, der().hex()) == (False, "signature_invalid")


@pytest.mark.parametrize(
    "written",
    [
        der().hex(),
        der().hex().upper(),
        b64encode(der()).decode(),
        oca(),
        f"oca:base16:asn1:{der().hex()}",
        f"oca:base16:asn1:0x{der().hex(':')}",
        f"oca:base64:asn1:{b64encode(der()).decode()}",
    ],
)
def test_a_key_is_read_however_it_is_written(written: str) -> None:
    assert verdict(ocmf(), written) == (True, None)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (ocmf(), None, "no_key"),
        (ocmf(), "not a key", "unreadable_key"),
        (ocmf(), "abcd", "unreadable_key"),
        (ocmf(), "oca:base16:raw:abcd", "unreadable_key"),
        (ocmf(SA="ECDSA-secp192k1-SHA256"), der().hex(), "unknown_algorithm"),
        ("OCMF|{", der().hex(), "unreadable_value"),
        ("OCMF|{}", der().hex(), "unreadable_value"),
        ('OCMF|{}|{"SD":5}', der().hex(), "unreadable_value"),
        ("OCMF|" + "[" * 100_000, der().hex(), "unreadable_value"),
        (wrapped("x", method="EDL40 Mennekes"), der().hex(), "unknown_encoding"),
        ("AP;0;3;AJ2J7LYMGCIWT4AHUJPPFIIVB3FGRV2JQ2HVZG2I;", der().hex(), "unknown_encoding"),
        ("", der().hex(), "unknown_encoding"),
    ],
)
def test_where_nobody_can_say_it_is_said_why(text: str, key: str | None, reason: str) -> None:
    assert verdict(text, key) == (None, reason)


def test_a_key_that_came_with_one_value_holds_for_all_unless_the_meters_is_known() -> None:
    values = [
        value(wrapped(ocmf(), oca()), "Transaction.Begin"),
        value(wrapped(ocmf())),
    ]
    assert [one.verified for one in signatures(values, None)] == [True, True]
    other = ec.derive_private_key(5, ec.SECP256R1())
    assert [one.verified for one in signatures(values, oca(other))] == [False, False]


def test_values_are_handed_on_byte_for_byte_with_key_and_version() -> None:
    begin, end = ocmf(), ocmf('{"FV":"1.2","RD":[]}')
    values = [
        value(wrapped(begin, oca()), "Transaction.Begin"),
        value(begin, "Sample.Periodic"),
        value(wrapped(end), "Transaction.End"),
    ]
    found = signed_data(values, None)
    assert found == {
        "encoding_method": "OCMF",
        "encoding_method_version": 1,
        "public_key": b64encode(der()).decode(),
        "signed_values": [
            {
                "nature": nature,
                "plain_data": payload,
                "signed_data": b64encode(text.encode()).decode(),
            }
            for nature, payload, text in (
                ("Start", PAYLOAD, begin),
                ("Intermediate", PAYLOAD, begin),
                ("End", '{"FV":"1.2","RD":[]}', end),
            )
        ],
    }
    ocpi_records.SignedData.model_validate(found)


def test_what_is_no_ocmf_is_handed_on_too() -> None:
    sent = b64encode(b"\x00\xff").decode()
    values = [value(json.dumps({"signedMeterData": sent, "encodingMethod": "EDL40 Mennekes"}))]
    found = signed_data(values, None)
    assert found == {
        "encoding_method": "EDL40 Mennekes",
        "signed_values": [{"nature": "End", "plain_data": "", "signed_data": sent}],
    }
    ocpi_records.SignedData.model_validate(found)
    as_text = signed_data([value("AP;0;3;")], None)
    assert as_text is not None
    assert as_text["encoding_method"] == "UNKNOWN"
    assert b64decode(as_text["signed_values"][0]["signed_data"]) == b"AP;0;3;"


def test_a_value_that_is_too_long_for_ocpi_is_left_out_and_not_cut() -> None:
    long = ocmf('{"FV":"1.0","ID":"' + "x" * 5000 + '"}')
    assert signed_data([value(long)], None) is None
    both = signed_data([value(long), value(ocmf())], None)
    assert both is not None
    assert len(both["signed_values"]) == 1
    assert [one.verified for one in signatures([value(long)], der().hex())] == [True]


def test_without_signed_values_there_is_no_signed_data() -> None:
    assert signed_data([], der().hex()) is None
    assert signatures([], der().hex()) == []


@pytest.mark.parametrize(
    ("text", "review"),
    [
        (ocmf(), []),
        (ocmf().replace("0.100", "0.200"), ["signature_invalid"]),
        ("something else", []),
    ],
)
def test_a_bill_waits_for_somebody_to_look_where_a_signature_is_wrong(
    text: str, review: list[str]
) -> None:
    session = SessionFactsView(
        transaction_id=1,
        revision=1,
        station_id="S1",
        site_id=None,
        connector_id=1,
        id_token="T1",
        group_id=None,
        started_at="2026-11-23T09:00:00Z",
        stopped_at="2026-11-23T10:00:00Z",
        meter_start=0,
        meter_stop=1000,
        stop_reason=None,
        flags=[],
        signed=[value(text)],
    )
    place = PlaceView.model_validate(
        dict.fromkeys(PlaceView.model_fields)
        | {"transaction_id": 1, "station_id": "S1", "tags": [], "statuses": []}
        | {"meter_public_key": oca()}
    )
    prices = {
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 0.3, "step_size": 1}]}],
    }
    cost = priced(Known(session, place), ByTariff(UUID(int=1), 1, "Day", prices)).cost
    assert cost["review"] == review
    assert len(cost["signatures"]) == 1

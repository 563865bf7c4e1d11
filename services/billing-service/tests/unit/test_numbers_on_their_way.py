"""A price goes through two JSON parsers and a broker, and is the number that was written."""

from decimal import Decimal

import orjson
import pytest
from hypothesis import example, given
from hypothesis.strategies import integers

from billing_service.tariffs.domain.reading import InvalidTariff, read_tariff
from csms_shared.contracts.requests import RequestBatch, RequestItem

_MOST = 10**9 * 10**4


def _arrived(written: str) -> Decimal:
    """Return a price as billing-service reads it where a client has written it so."""
    text = (
        '{"currency":"EUR","elements":[{"price_components":'
        f'[{{"type":"ENERGY","price":{written},"step_size":1}}]}}]}}'
    )
    item = RequestItem(operation="tariffs.create", parameters={"tariff": orjson.loads(text)})
    batch = RequestBatch(items=[item], reply_key="a.b", correlation_id="c", deadline_ms=1)
    there = RequestBatch.model_validate_json(batch.model_dump_json())
    tariff = read_tariff(there.items[0].parameters["tariff"])
    stored = read_tariff(orjson.loads(orjson.dumps(tariff.model_dump(mode="json"))))
    assert stored == tariff
    return stored.elements[0].price_components[0].price


@given(integers(0, _MOST))
@example(_MOST)
@example(_MOST - 1)
@example(3_000)
def test_every_number_with_four_decimals_arrives_as_it_was_written(ten_thousandths: int) -> None:
    number = Decimal(ten_thousandths).scaleb(-4)
    assert _arrived(f"{number:f}") == number
    assert _arrived(f"{number.normalize():e}") == number


@given(integers(1, _MOST * 10 - 1).filter(lambda number: number % 10 != 0))
def test_every_number_with_five_decimals_is_refused(hundred_thousandths: int) -> None:
    with pytest.raises(InvalidTariff, match="at most 4 decimals"):
        _arrived(f"{Decimal(hundred_thousandths).scaleb(-5):f}")

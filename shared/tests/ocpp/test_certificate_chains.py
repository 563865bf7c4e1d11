import pytest

from csms_shared.ocpp.certificate_chains import longest_chain


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        ("2000", 2000),
        (" 5600 ", 5600),
        ("10000", 10_000),
        ("20000", 10_000),
        (None, 10_000),
        ("", 10_000),
        ("0", 10_000),
        ("-1", 10_000),
        ("10.000", 10_000),
        ("²", 10_000),
        ("9" * 5000, 10_000),
    ],
)
def test_a_station_may_take_less_than_the_specification_and_never_more(
    value: str | None, limit: int
) -> None:
    assert longest_chain(value) == limit

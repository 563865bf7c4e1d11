from bench.stored import StoredTransaction, transaction_differences

CHARGED = StoredTransaction(energy_wh=1500, meter_value_rows=24)


def test_equal_records_have_no_difference() -> None:
    assert transaction_differences([(1, CHARGED)], [(1, CHARGED)]) == []


def test_a_missing_transaction_is_lost() -> None:
    assert transaction_differences([(1, CHARGED)], []) == ["lost: transaction 1"]


def test_a_transaction_nobody_was_promised_is_doubled_or_unknown() -> None:
    found = transaction_differences([(1, CHARGED)], [(1, CHARGED), (2, CHARGED)])
    assert found == ["doubled or unknown: transaction 2"]


def test_missing_and_doubled_meter_values_are_wrong() -> None:
    for rows in (20, 28):
        stored = [(1, StoredTransaction(1500, rows))]
        assert len(transaction_differences([(1, CHARGED)], stored)) == 1


def test_an_id_given_to_two_starts_is_a_difference() -> None:
    twice = [(1, CHARGED), (1, CHARGED)]
    assert transaction_differences(twice, [(1, CHARGED)]) == ["1 transaction ids given twice"]

from collections import Counter

import pytest

from bench import batches
from bench.batches import batch_sizes, counted

METRICS = """\
# TYPE csms_gateway_batch_items histogram
csms_gateway_batch_items_bucket{lane="ocpp16.Authorize",le="1.0"} 1
csms_gateway_batch_items_bucket{lane="ocpp16.Authorize",le="+Inf"} 2
csms_gateway_batch_items_count{lane="ocpp16.Authorize"} 2
csms_gateway_batch_items_sum{lane="ocpp16.Authorize"} 9
# TYPE csms_batch_messages histogram
csms_batch_messages_count{queue="gateway-1.life.v1"} 7
csms_batch_messages_sum{queue="gateway-1.life.v1"} 7
"""


def test_one_histogram_is_counted_by_its_label() -> None:
    found = counted(METRICS, "csms_gateway_batch_items", "lane")
    assert found == {("ocpp16.Authorize", "count"): 2, ("ocpp16.Authorize", "sum"): 9}


def test_what_is_read_is_what_gateways_and_services_count() -> None:
    assert batches.OF_GATEWAYS == ("csms_gateway_batch_items", "lane")
    assert batches.OF_SERVICES == ("csms_batch_messages", "queue")


def test_sizes_are_of_what_happened_between_two_looks() -> None:
    before = Counter({("a", "count"): 10, ("a", "sum"): 10, ("idle", "count"): 4})
    after = Counter({("a", "count"): 30, ("a", "sum"): 110, ("idle", "count"): 4})
    found = batch_sizes(before, after, 4.0)
    assert found == {"size": {"a": pytest.approx(5.0)}, "per_s": {"a": pytest.approx(5.0)}}

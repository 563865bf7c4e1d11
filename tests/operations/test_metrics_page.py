"""What is measured and what the documentation tells of it are the same."""

import re
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from csms_local.suite import Suite
from tests.deploy.deployment_files import ROOT
from tests.operations.alerts import FILE, probes_of, read_alerts

PAGE = (ROOT / "docs" / "operations.md").read_text()
# Not the packages and roles of that prefix.
_NAME = re.compile(
    r"\bcsms_(?!shared|local|simulator|registry\b|session\b|command\b)[a-z]+_[a-z_]+\b"
)
_PARTS = ("_bucket", "_count", "_sum")
_UNITS = ("_total", "_seconds", "_bytes", "_ratio")


@pytest.fixture(scope="module")
def families(suite: Suite) -> dict[str, Metric]:
    """Every metric of ours in a suite that has done nothing yet, by its full name."""
    found: dict[str, Metric] = {}
    for family in _exposed(suite):
        known = found.setdefault(_full_name(family), Metric(family.name, "", family.type))
        known.samples.extend(family.samples)
    return found


def _exposed(suite: Suite) -> Iterator[Metric]:
    for url in probes_of(suite.home).values():
        told = httpx.get(f"{url}/metrics", trust_env=False).text
        for family in text_string_to_metric_families(told):
            if family.name.startswith("csms_"):
                yield family


def _full_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _named(text: str) -> set[str]:
    return {re.sub(rf"({'|'.join(_PARTS)})$", "", name) for name in _NAME.findall(text)}


def test_every_metric_is_in_the_table_and_every_one_there_exists(
    families: dict[str, Metric],
) -> None:
    table = PAGE.partition("## Metrics\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `csms_")]
    documented = [name for row in rows for name in re.findall(r"`(csms_\w+)", row)]
    assert sorted(documented) == sorted(families)


def test_every_metric_that_the_documentation_or_an_alert_names_exists(
    families: dict[str, Metric],
) -> None:
    named = _named(FILE.read_text())
    for page in (ROOT / "docs").glob("*.md"):
        named |= _named(page.read_text())
    assert len(named) > 20
    assert named - set(families) == set()


def test_the_labels_in_the_table_are_those_that_are_exposed(families: dict[str, Metric]) -> None:
    table = PAGE.partition("## Metrics\n")[2].partition("\n## ")[0]
    documented = {
        name: set(labels.split(","))
        for name, labels in re.findall(r"`(csms_\w+)\{([a-z_,]+)\}`", table)
    }
    exposed = {
        name: {label for sample in family.samples for label in sample.labels} - {"le"}
        for name, family in families.items()
    }
    assert {name: labels for name, labels in exposed.items() if labels} == documented


def test_counters_and_histograms_are_there_before_their_first_event(
    families: dict[str, Metric],
) -> None:
    counted = {name: one for name, one in families.items() if one.type in ("counter", "histogram")}
    assert len(counted) > 15
    assert {name for name, family in counted.items() if not family.samples} == set()


def test_no_label_is_new_with_each_start(families: dict[str, Metric]) -> None:
    values = {
        value
        for family in families.values()
        for sample in family.samples
        for label, value in sample.labels.items()
        if label != "le"
    }
    assert len(values) > 50
    assert {value for value in values if re.search(r"[0-9a-f]{8}", value)} == set()


def test_names_end_in_their_unit(families: dict[str, Metric]) -> None:
    plain = {name for name, one in families.items() if not name.endswith(_UNITS)}
    # Things that are counted have their own names: stations, messages, items, rows.
    assert plain == {
        "csms_batch_messages",
        "csms_billing_held_back_sessions",
        "csms_consumer_paused",
        "csms_gateway_admission_waiting",
        "csms_gateway_backlog_items",
        "csms_gateway_batch_items",
        "csms_gateway_connection_capacity",
        "csms_gateway_connections",
        "csms_gateway_handshakes",
        "csms_gateway_service_away",
        "csms_gateway_tls_files_broken",
        "csms_outbox_pending",
        "csms_outbox_unstored",
        "csms_public_event_keys_refused",
        "csms_public_events_deferred",
        "csms_public_feed_position",
        "csms_queue_messages",
        "csms_upkeep_failing",
    }
    assert all(name.endswith("_timestamp_seconds") for name in plain if "certificate_end" in name)
    assert all(one.type == "counter" for name, one in families.items() if name.endswith("_total"))


def test_the_page_lists_the_alerts_of_the_file() -> None:
    table = PAGE.partition("## Alerts\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `Csms")]
    listed = [name for row in rows for name in re.findall(r"`(Csms\w+)`", row)]
    assert sorted(listed) == sorted(alert.name for alert in read_alerts())


def test_each_alert_has_a_severity_and_says_in_words_what_is_wrong() -> None:
    for alert in read_alerts():
        assert alert.rule["labels"]["severity"] in ("critical", "warning", "info")
        used = set(re.findall(r"\$labels\.(\w+)", alert.rule["annotations"]["summary"]))
        assert alert.rule["annotations"]["summary"]
        assert set(alert.rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert used <= {"instance", "service", "queue", "exchange", "outcome", "reason"} | {
            "action",
            "kind",
            "task",
            "bound",
            "setting",
        }

"""The alerts of deploy/prometheus/alerts.yml, judged as Prometheus judges them."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.deployment_files import ROOT
from tests.operations.promql import Labels, Scrape, Vector, vector
from tests.plain_http import NO_AUTHORITIES

FILE = ROOT / "deploy" / "prometheus" / "alerts.yml"
# An alert that needs minutes needs so many seconds here. So a suite that is well is judged more
# strictly, and one that is not sooner.
LONGEST_FOR_S = 5.0
SCRAPED_EVERY_S = 0.5
_SCRAPE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule; `lasts_s` is how long it has to be true before it fires."""

    name: str
    expression: promql_parser.Expr
    lasts_s: float
    rule: Mapping[str, Any]


def read_alerts() -> list[Alert]:
    """Return the rules of the file, in its order."""
    (group,) = yaml.safe_load(FILE.read_text())["groups"]
    return [
        Alert(
            rule["alert"],
            promql_parser.parse(rule["expr"]),
            promql_parser.parse_duration(rule["for"]).total_seconds() if "for" in rule else 0.0,
            rule,
        )
        for rule in group["rules"]
    ]


def probes_of(home: Path) -> dict[str, str]:
    """Return the address of each process's probes in a suite of `make run`, by its name."""
    ports = json.loads((home / "ports.json").read_text())
    return {
        name.removesuffix("-probe"): f"http://127.0.0.1:{port}"
        for name, port in ports.items()
        if name.endswith("-probe")
    }


class Watch:
    """Scrapes processes again and again, and remembers which alerts have fired since."""

    def __init__(self, probes: Mapping[str, str]) -> None:
        self._probes = dict(probes)
        self._alerts = read_alerts()
        self._scrapes: list[Scrape] = []
        self._true_since: dict[str, dict[Labels, float]] = {one.name: {} for one in self._alerts}
        self.fired: set[str] = set()

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over all processes at the last scrape."""
        wanted = frozenset(labels.items())
        found = self._scrapes[-1].values.get(name, {})
        return sum(value for has, value in found.items() if wanted <= has)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(SCRAPED_EVERY_S)

    async def until_fired(self, *names: str, within_s: float = 300.0) -> None:
        """Look until all these alerts have fired."""
        try:
            async with asyncio.timeout(within_s):
                while not self.fired >= set(names):
                    await self.look()
                    await asyncio.sleep(SCRAPED_EVERY_S)
        except TimeoutError:
            raise AssertionError(
                f"silent: {sorted(set(names) - self.fired)}; fired: {sorted(self.fired)}"
            ) from None

    async def look(self) -> None:
        """Scrape all processes once and judge."""
        async with httpx.AsyncClient(
            timeout=_SCRAPE_TIMEOUT_S, trust_env=False, verify=NO_AUTHORITIES
        ) as http:
            found = await asyncio.gather(
                *(_scraped(http, name, url) for name, url in self._probes.items())
            )
        values: dict[str, Vector] = {}
        for one in found:
            for metric, vector_ in one.items():
                values.setdefault(metric, {}).update(vector_)
        self._scrapes.append(Scrape(time.time(), values))
        for alert in self._alerts:
            self._judge(alert)

    def _judge(self, alert: Alert) -> None:
        now = self._scrapes[-1].at
        before = self._true_since[alert.name]
        true = vector(alert.expression, self._scrapes)
        since = {labels: before.get(labels, now) for labels in true}
        self._true_since[alert.name] = since
        if any(now - begin >= min(alert.lasts_s, LONGEST_FOR_S) for begin in since.values()):
            self.fired.add(alert.name)


async def _scraped(http: httpx.AsyncClient, instance: str, url: str) -> dict[str, Vector]:
    own = {("instance", instance), ("job", "csms")}
    try:
        told = (await http.get(f"{url}/metrics")).text
    except httpx.HTTPError:
        return {"up": {frozenset(own): 0.0}}
    values: dict[str, Vector] = {"up": {frozenset(own): 1.0}}
    for family in text_string_to_metric_families(told):
        for sample in family.samples:
            labels = frozenset({*sample.labels.items(), *own})
            values.setdefault(sample.name, {})[labels] = sample.value
    return values

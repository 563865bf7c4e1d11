"""What the demo prints: what there is to see, then a line for each interval."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime

from csms_simulator.demo.charger import DemoStation
from csms_simulator.demo.network import (
    FAILING,
    FAULTED,
    FORGETFUL,
    LIMITED,
    LISTED,
    NOT_UPDATED,
    OFFLINE,
    OPENED,
    PARTNER,
    REFUSED,
    RESERVED,
)
from csms_simulator.demo.operations import ROLLOUT, TEMPLATE
from csms_simulator.ledger import Ledger

INTERVAL_S = 10.0


def introduction(console_url: str, run_file: str) -> str:
    """Tell where the console is, and what of the network to look at."""
    return f"""\
The network is up. The console: {console_url}/ (log in as admin; the password is in {run_file})
  sessions    past days, and those that run: their power, energy and state of charge
  stations    {FAULTED[0]} has a faulted connector, {OFFLINE} is offline with a command that waits,
              {RESERVED[0]} a reservation, {LIMITED} a charging profile, {LISTED} a local list
  trouble     {REFUSED} is refused for its password, a stop of {FORGETFUL} is in quarantine,
              a command of {FAILING} has failed, {OPENED} reports security events
  many        the rollout "{ROLLOUT}" failed at {NOT_UPDATED}; the template "{TEMPLATE}" is applied
  tenants     {PARTNER} has stations of its own
"""


def say(text: str) -> None:
    """Print at once, also where nobody looks at a terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Totals:
    """Counts what the stations did, also where the ledgers forget it."""

    def __init__(
        self, stations: Sequence[DemoStation], ledgers: Sequence[Ledger], keeps: bool
    ) -> None:
        self.messages = 0
        self._stations = stations
        self._ledgers = ledgers
        self._keeps = keeps
        self._calls_seen = [0] * len(ledgers)

    def line(self) -> str:
        """Say what changed since the last line, and how things are."""
        counts = {"StartTransaction": 0, "StopTransaction": 0}
        messages = 0
        for number, ledger in enumerate(self._ledgers):
            for call in ledger.calls[self._calls_seen[number] :]:
                messages += 1
                if call.action in counts:
                    counts[call.action] += 1
            self._calls_seen[number] = len(ledger.calls)
            if not self._keeps:
                ledger.forget()
                self._calls_seen[number] = 0
        self.messages += messages
        online = sum(station.link.online.is_set() for station in self._stations)
        running = [one for each in self._stations for one in each.sessions.values()]
        power_kw = sum(one.power_w for one in running) / 1000
        return (
            f"{datetime.now():%H:%M:%S}  {online} of {len(self._stations)} stations online  "
            f"{len(running)} sessions at {power_kw:.0f} kW  "
            f"{counts['StartTransaction']} started, {counts['StopTransaction']} ended  "
            f"{messages} messages"
        )


async def tell(totals: Totals) -> None:
    """Print a line for each interval, until cancelled."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        say(totals.line())

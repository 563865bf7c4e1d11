"""What one scenario injected and what was counted afterwards, as one line."""

from collections import Counter
from dataclasses import dataclass, field

RECORDED: list["Counts"] = []
"""Every scenario of this run, in order; shown at the end of the test run."""


@dataclass(slots=True)
class Counts:
    """The figures of one scenario; times in seconds."""

    fault: str
    title: str
    injected: Counter[str] = field(default_factory=Counter)
    stations: int = 0
    acknowledged: int = 0
    transactions: int = 0
    meter_values: int = 0
    kwh: float = 0.0
    commands: Counter[str] = field(default_factory=Counter)
    commands_refused: int = 0
    bills: int = 0
    events: int = 0
    events_repeated: int = 0
    parked: int = 0
    reconnects: int = 0
    refusals: Counter[int | str] = field(default_factory=Counter)
    failed_attempts: int = 0
    most_failed_attempts: int = 0
    discarded: int = 0
    recovery_s: float = 0.0
    heartbeat_p99_s: float = 0.0
    peak_mib: int = 0
    violations: int = 0

    def line(self) -> str:
        """Write everything in one line."""
        return (
            f"{self.fault} {self.title} | injected: {_listed(self.injected)} | "
            f"{self.stations} stations, {self.acknowledged} calls acknowledged, "
            f"{self.transactions} transactions, {self.meter_values} meter values, "
            f"{self.kwh:.3f} kWh, {self.bills} bills, "
            f"{self.events} events ({self.events_repeated} repeated) | "
            f"commands: {_listed(self.commands)}, {self.commands_refused} refused | "
            f"{self.reconnects} reconnects, refusals: {_listed(self.refusals)}, "
            f"{self.failed_attempts} attempts in vain (at most {self.most_failed_attempts} of one "
            f"message), {self.discarded} discarded, {self.parked} parked | "
            f"recovered in {self.recovery_s:.1f} s, heartbeat p99 {self.heartbeat_p99_s:.2f} s, "
            f"largest process {self.peak_mib} MiB | {self.violations} violations"
        )


def _listed(counter: Counter[str] | Counter[int | str]) -> str:
    return (
        ", ".join(f"{count} {name}" for name, count in sorted(counter.items(), key=str)) or "none"
    )

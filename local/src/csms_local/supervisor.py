"""Keeps children running: a child that ends is reported and restarted, with a growing delay."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from csms_local.errors import StartupError
from csms_local.processes import Program, kill, log_tail, start, stop, wait_until_gone
from csms_local.progress import Console

# The delay grows with every end that follows a short life, and stays at the last one.
RESTART_DELAYS = (0.2, 1.0, 2.0, 4.0, 8.0, 15.0)
_LONG_LIFE_SECONDS = 30.0
_READY_POLL_SECONDS = 0.1


@dataclass(slots=True)
class Child:
    """One supervised program and what became of it."""

    program: Program
    is_ready: Callable[[], bool]
    process: subprocess.Popen[bytes]
    started_at: float = field(default_factory=time.monotonic)
    short_lives: int = 0
    restart_at: float | None = None
    awaits_ready: bool = False


class Supervisor:
    """Starts, watches and stops children; `changed` is called whenever a pid is new."""

    def __init__(self, console: Console, changed: Callable[[], None]) -> None:
        self._console = console
        self._changed = changed
        self._children: dict[str, Child] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Return each child's latest pid by name."""
        return {name: child.process.pid for name, child in self._children.items()}

    def start(self, program: Program, is_ready: Callable[[], bool]) -> None:
        """Start a child without waiting for it."""
        self._children[program.name] = Child(program, is_ready, start(program))
        self._changed()

    def wait_until_ready(self, names: Sequence[str], seconds: float) -> None:
        """Wait for children at start-up; here an end is an error, not a reason for a restart."""
        deadline = time.monotonic() + seconds
        waiting = list(names)
        while waiting:
            for child in self._children.values():
                if child.process.poll() is not None:
                    status = _status(child.process.returncode)
                    raise StartupError(_report(child.program, f"ended at start-up ({status})"))
            waiting = [name for name in waiting if not self._children[name].is_ready()]
            if waiting and time.monotonic() > deadline:
                program = self._children[waiting[0]].program
                raise StartupError(
                    _report(program, f"was not ready within {seconds:.0f} s")
                    + (f"\n(also not ready: {', '.join(waiting[1:])})" if waiting[1:] else "")
                )
            if waiting:
                time.sleep(_READY_POLL_SECONDS)

    def check(self) -> None:
        """Look at every child once: report an end, restart what is due, notice recovery."""
        now = time.monotonic()
        for child in self._children.values():
            if child.restart_at is not None:
                if now >= child.restart_at:
                    self._restart(child)
            elif child.process.poll() is not None:
                self._report_end(child, now)
            elif child.awaits_ready and child.is_ready():
                child.awaits_ready = False
                self._console.line(
                    f"{child.program.name} is ready again after {now - child.started_at:.1f} s"
                )

    def stop(self, names: Sequence[str], seconds: float) -> None:
        """Ask these children to end, force those that have not after `seconds`, forget them."""
        chosen = [self._children[name] for name in names if name in self._children]
        stop([(child.program, child.process) for child in chosen], seconds)
        for child in chosen:
            del self._children[child.program.name]

    def kill_all(self) -> None:
        """End everything at once."""
        kill([child.process for child in self._children.values()])

    def run_to_end(self, programs: Sequence[Program], seconds: float) -> None:
        """Run short programs side by side; one that fails or takes too long is an error."""
        running = [(program, start(program)) for program in programs]
        processes = [process for _, process in running]
        try:
            finished = wait_until_gone(processes, seconds)
        finally:
            kill(processes)
        for program, process in running:
            if process.returncode != 0:
                why = _status(process.returncode) if finished else f"not done in {seconds:.0f} s"
                raise StartupError(_report(program, f"failed ({why})"))

    def _report_end(self, child: Child, now: float) -> None:
        lived = now - child.started_at
        child.short_lives = child.short_lives + 1 if lived < _LONG_LIFE_SECONDS else 1
        delay = RESTART_DELAYS[min(child.short_lives, len(RESTART_DELAYS)) - 1]
        child.restart_at = now + delay
        status = _status(child.process.returncode)
        self._console.line(
            f"{child.program.name} ended ({status}); restarting it in {delay:g} s, "
            f"its log is {child.program.log}"
        )

    def _restart(self, child: Child) -> None:
        child.process = start(child.program)
        child.started_at = time.monotonic()
        child.restart_at = None
        child.awaits_ready = True
        self._changed()
        self._console.line(f"{child.program.name} restarted, pid {child.process.pid}")


def _status(returncode: int) -> str:
    return f"signal {-returncode}" if returncode < 0 else f"status {returncode}"


def _report(program: Program, what: str) -> str:
    return f"{program.name} {what}; {program.log} ends:\n{log_tail(program.log)}"

"""What every long-running process does: run, listen for the signal to stop, and settle down."""

import asyncio
import gc
import resource
import signal
from collections.abc import Coroutine
from typing import Any

import uvloop

from csms_shared.runtime.settings import SettingsProblem, exit_with
from csms_shared.service.ending import EndWatch

# Objects allocated before the youngest are searched for garbage; Python's 700 suits scripts.
_YOUNG_OBJECTS = 20_000


def run_service(serving: Coroutine[Any, Any, None]) -> None:
    """Run a service to its end; exit with 2 where a setting turns out to be wrong on the way."""
    raise_open_files()
    found: SettingsProblem | BaseExceptionGroup[SettingsProblem] | None = None
    try:
        uvloop.run(serving)
    except* SettingsProblem as problems:
        # Python before 3.11.4 makes a group of what is raised in here, SystemExit too.
        found = problems.exceptions[0]
    if found is not None:
        exit_with(str(found), 2)


def raise_open_files() -> None:
    """Raise the soft limit of open files, 1,024 by custom, to the hard one.

    The custom protects programs that call `select`, which none of ours does.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop_on_signals(within_s: float, at_once: asyncio.Event | None = None) -> asyncio.Event:
    """Return the event that SIGTERM and SIGINT set; call it on the running loop.

    The process ends `within_s` seconds after it in any case. `at_once`, where given, is set by a
    second signal.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    watch = EndWatch(loop, within_s)

    def signalled() -> None:
        if stop.is_set() and at_once is not None:
            at_once.set()
        stop.set()
        watch.begin()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)
    return stop


def keep_started_objects() -> None:
    """Take what start-up made out of the search for garbage.

    Modules, models and routes live as long as the process; searching them again and again stops
    everything for 0.1 s each time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)

"""Running processes of a suite with faults inside them; see `inside/sitecustomize.py`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults import inside
from tests.faults.faulty_suite import FaultySuite

_FOLDER = str(Path(inside.__file__).parent)


def give_faults(suite: FaultySuite, process: str, variables: Mapping[str, str]) -> None:
    """Let a process have these faults from its next start on."""
    suite.programs.give(process, {"PYTHONPATH": _FOLDER, **variables})


@asynccontextmanager
async def faults_inside(
    suite: FaultySuite, faults: Mapping[str, Mapping[str, str]], within: float = 60.0
) -> AsyncIterator[None]:
    """Restart processes with these variables, ready `within` seconds; put them right afterwards."""
    before = {process: suite.programs.given(process) for process in faults}
    try:
        for process, variables in faults.items():
            give_faults(suite, process, variables)
            await suite.restart(process, within)
        yield
    finally:
        for process, text in before.items():
            suite.programs.give_again(process, text)
            await suite.restart(process)

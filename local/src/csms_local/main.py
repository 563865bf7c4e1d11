"""The command `csms-run`: the whole suite on this machine, until Ctrl-C."""

import argparse
import os
import sys
from pathlib import Path

from csms_local.errors import StartupError
from csms_local.progress import Console
from csms_local.run import SuiteRun
from csms_local.settings import HELP, read_settings


def main() -> None:
    """Run the suite; the exit status is 0 after a requested stop and 1 when it cannot start."""
    parser = argparse.ArgumentParser(
        prog="csms-run",
        description="Run the whole suite on this machine until Ctrl-C.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--programs",
        type=Path,
        default=Path(sys.executable).parent,
        help="folder of the services' commands (default: those of this environment)",
    )
    arguments = parser.parse_args()
    console = Console()
    try:
        SuiteRun(read_settings(os.environ, arguments.programs.absolute()), console).run()
    except StartupError as error:
        console.line(f"cannot run: {error}")
        sys.exit(1)

"""What the person at the console reads."""

import sys
import time
from typing import TextIO


class Console:
    """Prints one line per thing that happened, with the seconds since the start."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._started = time.monotonic()

    def line(self, text: str) -> None:
        """Print a line; a terminal that is gone must not end the suite's own clean-up."""
        elapsed = time.monotonic() - self._started
        self._write(f"[{elapsed:6.1f} s] {text}\n")

    def plain(self, text: str) -> None:
        """Print lines as they are."""
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            return

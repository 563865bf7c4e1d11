"""Who reads times and days."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
_READING = re.compile(r"\.(fromisoformat|strptime)\(")
_READERS = {f"shared/src/csms_shared/values/{name}.py" for name in ("days", "times")}
# Times of X.509, which are no text from a client or a station.
_OTHER_NOTATION = {"services/ws-gateway/src/ws_gateway/domain/certificate_ends.py"}


def test_no_code_but_that_of_values_reads_times() -> None:
    sources = [*ROOT.glob("shared/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    reading = {str(path.relative_to(ROOT)) for path in sources if _READING.search(path.read_text())}
    assert reading - _OTHER_NOTATION == _READERS

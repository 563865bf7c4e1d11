"""Follow events over restarts of either side: follow_events.py SUITE POSITION_FILE [TYPE ...]

Needs httpx, and an API key in CSMS_API_KEY. Writes each event behind its position.
"""

import os
import sys
import time
from pathlib import Path

import httpx

url, file, types = f"{sys.argv[1]}/api/v1/events", Path(sys.argv[2]), sys.argv[3:]
while True:
    headers = {"X-API-Key": os.environ["CSMS_API_KEY"]}
    if file.exists():
        headers["Last-Event-ID"] = file.read_text()
    try:
        # The suite sends something at least every 15 s.
        asked = httpx.stream("GET", url, params={"type": types}, headers=headers, timeout=40)
        with asked as answer:
            if 400 <= answer.status_code < 500 and answer.status_code != 429:
                raise SystemExit(answer.read().decode())
            rest = b""
            for chunk in answer.iter_bytes():
                *blocks, rest = (rest + chunk).split(b"\n\n")
                for block in blocks:
                    fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
                    if b"data" in fields:  # do here what is to be done
                        sys.stdout.write(f"{fields[b'id'].decode()} {fields[b'data'].decode()}\n")
                        sys.stdout.flush()
                    if b"id" in fields:  # noted afterwards, in one step
                        file.with_suffix(".new").write_bytes(fields[b"id"])
                        file.with_suffix(".new").replace(file)
    except httpx.TransportError:
        pass
    time.sleep(1)

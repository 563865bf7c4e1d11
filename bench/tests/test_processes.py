"""What is read of running processes."""

import subprocess
import sys

import pytest

from bench.processes import probe_port


@pytest.mark.parametrize(("environment", "port"), [({"CSMS_PROBE_PORT": "8123"}, 8123), ({}, None)])
def test_a_process_that_does_not_say_yet_where_it_tells_how_it_is_is_one_to_come_back_to(
    environment: dict[str, str], port: int | None
) -> None:
    waits = [sys.executable, "-c", "print(flush=True); input()"]
    pipe = subprocess.PIPE
    with subprocess.Popen(waits, env=environment, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            if port is None:
                with pytest.raises(ProcessLookupError):
                    probe_port(process.pid)
            else:
                assert probe_port(process.pid) == port
        finally:
            process.kill()

"""Run one load: the plan comes as a line of JSON, events and the result go out as lines."""

import gc
import resource
import sys

import orjson
import uvloop

from bench.driver.loads import LOADS
from bench.driver.plan import Plan


def main() -> None:
    """Read the plan, put the load, write the result."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.freeze()
    plan = Plan.decode(sys.stdin.readline().encode())
    result = uvloop.run(LOADS[plan.load](plan))
    # With PYTHONUNBUFFERED, sys.stdout drops what a pipe does not take at once.
    with open(sys.stdout.fileno(), "wb", closefd=False) as whole:
        whole.write(orjson.dumps(result) + b"\n")


if __name__ == "__main__":
    main()

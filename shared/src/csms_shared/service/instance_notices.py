"""What operators are told of the beginning and the end of a process."""

import importlib.metadata

from csms_shared.observability.system_notices import Notice
from csms_shared.values.levels import Level

# All services have one version number.
VERSION = importlib.metadata.version("csms-shared")


def started(service: str, instance: str) -> Notice:
    """Tell that a process serves."""
    return Notice(
        "system.instance_started",
        instance,
        Level.INFO,
        f"An instance of {service} has started.",
        {"version": VERSION},
    )


def stopped(service: str, instance: str, ran_s: float) -> Notice:
    """Tell that a process ends in good order."""
    return Notice(
        "system.instance_stopped",
        instance,
        Level.INFO,
        f"An instance of {service} has stopped in good order.",
        {"ran_s": round(ran_s, 1)},
    )

"""The command `ws-gateway serve`."""

import asyncio

import uvloop

from csms_shared.observability.logs import configure_logs
from csms_shared.process import keep_started_objects, stop_on_signals
from csms_shared.settings import SettingsProblem, exit_with, load_settings, parse_command
from ws_gateway.gateway import Gateway
from ws_gateway.settings import GatewaySettings


async def serve(settings: GatewaySettings) -> None:
    """Run one gateway until SIGTERM or SIGINT; a second one ends the drain at once."""
    at_once = asyncio.Event()
    stop = stop_on_signals(at_once)
    keep_started_objects()
    await Gateway(settings).run(stop, at_once)


def main() -> None:
    """Run the command line."""
    parse_command("ws-gateway", ("serve",), (GatewaySettings,))
    try:
        settings = load_settings(GatewaySettings)
    except SettingsProblem as problem:
        exit_with(str(problem), 2)
    configure_logs(settings.gateway_name, settings.log_format, settings.log_level)
    found: SettingsProblem | BaseExceptionGroup[SettingsProblem] | None = None
    try:
        uvloop.run(serve(settings))
    except* SettingsProblem as problems:
        # Python before 3.11.4 makes a group of what is raised in here, SystemExit too.
        found = problems.exceptions[0]
    if found is not None:
        exit_with(str(found), 2)

"""The command `ws-gateway serve`."""

import asyncio

from csms_shared.observability.logs import configure_logs
from csms_shared.runtime.settings import SettingsProblem, exit_with, load_settings, parse_command
from csms_shared.service.process import keep_started_objects, run_service, stop_on_signals
from ws_gateway.process import CLOSED_S, END_S, Gateway
from ws_gateway.settings import GatewaySettings


async def serve(settings: GatewaySettings) -> None:
    """Run one gateway until SIGTERM or SIGINT; a second one ends the drain at once."""
    at_once = asyncio.Event()
    stop = stop_on_signals(settings.drain_seconds + END_S + CLOSED_S, at_once)
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
    run_service(serve(settings))

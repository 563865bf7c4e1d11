"""Status reports of long work: they wait for a connection, and outlive a reboot."""

import asyncio

from csms_simulator.errors import ConnectionLostError, OfflineError
from csms_simulator.link import Link
from csms_simulator.wire import Payload

IDLE = "Idle"


class StatusReports:
    """The last status that was reported under each action, and sending the next one."""

    def __init__(self, link: Link, accepted: asyncio.Event) -> None:
        self._link = link
        self._accepted = accepted
        self._last: dict[str, Payload] = {}

    async def send(self, action: str, status: str, request_id: int | None = None) -> None:
        """Report a status once the station is registered; a lost connection has it sent again."""
        report: Payload = {"status": status}
        if request_id is not None:
            report["requestId"] = request_id
        self._last[action] = report
        while True:
            await self._accepted.wait()
            try:
                await self._link.call(action, report)
                return
            except (OfflineError, ConnectionLostError):
                await self._link.online.wait()

    async def repeat(self, action: str) -> None:
        """Report where the work stands; Idle where there is none (4.4, 4.5)."""
        report = self._last.get(action, {"status": IDLE})
        final = report["status"] in ("Installed", "Uploaded") or "Fail" in report["status"]
        await self._link.call(action, {"status": IDLE} if final else report)

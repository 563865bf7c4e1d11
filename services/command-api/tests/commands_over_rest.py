"""Commands as an operator asks for them, and sees them end."""

from typing import Any

import httpx
from command_api_fakes import Answer, eventually


async def send(
    admin: httpx.AsyncClient,
    station_id: str,
    action: str = "Reset",
    payload: Answer | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **query: str | float,
) -> Answer:
    """Ask for a command; the answer has this `status`."""
    answer = await admin.post(
        f"/stations/{station_id}/commands/{action}",
        json={"type": "Soft"} if payload is None else payload,
        params=query,
        headers=headers,
    )
    assert answer.status_code == status, answer.text
    document: Answer = answer.json()
    return document


async def get(admin: httpx.AsyncClient, command_id: str) -> Answer:
    """Return a command that there is."""
    answer = await admin.get(f"/commands/{command_id}")
    answer.raise_for_status()
    document: Answer = answer.json()
    return document


async def becomes(
    admin: httpx.AsyncClient, command_id: str, within_s: float = 60.0, **wanted: Any
) -> Answer:
    """Return a command, which there may not be yet, once it shows what is wanted."""

    async def read() -> Answer:
        document: Answer = (await admin.get(f"/commands/{command_id}")).json()
        return document

    return await eventually(read, lambda found: wanted.items() <= found.items(), within_s)

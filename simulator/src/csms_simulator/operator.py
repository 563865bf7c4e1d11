"""The REST interface as an operator's program uses it: log in, read pages, send commands."""

import asyncio
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from csms_simulator.wire import Payload

PAGE = 500
LOG_IN_PATIENCE_S = 30.0


class Operator:
    """A logged-in user of the suite's REST interface; `tenant_id`: for whom they act."""

    def __init__(
        self,
        rest_url: str,
        username: str,
        password: str,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        tenant_id: str | None = None,
    ) -> None:
        self._username = username
        self._password = password
        self.http = httpx.AsyncClient(
            base_url=f"{rest_url.rstrip('/')}/api/v1",
            timeout=90,
            trust_env=False,
            transport=transport,
            headers={} if tenant_id is None else {"X-Tenant": tenant_id},
        )

    @classmethod
    def of_run(cls, run: Payload, tenant_id: str | None = None) -> "Operator":
        """Make the administrator of a running suite from its run.json."""
        name, password = run["admin_username"], run["admin_password"]
        return cls(run["rest_url"], name, password, tenant_id=tenant_id)

    async def __aenter__(self) -> Self:
        response = await self._log_in()
        response.raise_for_status()
        self.http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
        return self

    async def _log_in(self) -> httpx.Response:
        """Ask for a token; a suite that is away for now is asked again when it says so."""
        patient_until = time.monotonic() + LOG_IN_PATIENCE_S
        while True:
            response = await self.http.post(
                "/auth/token", data={"username": self._username, "password": self._password}
            )
            is_away = response.status_code == httpx.codes.SERVICE_UNAVAILABLE
            if not is_away or time.monotonic() > patient_until:
                return response
            await asyncio.sleep(float(response.headers["Retry-After"]))

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.http.aclose()

    @property
    def authorization(self) -> str:
        """The header that proves who asks."""
        return str(self.http.headers["Authorization"])

    async def get(self, path: str, **query: str | int) -> Any:
        """Read one resource."""
        response = await self.http.get(path, params=query)
        response.raise_for_status()
        return response.json()

    async def items(self, path: str, **query: str | int) -> list[Payload]:
        """Read a whole list, page after page."""
        found: list[Payload] = []
        cursor: str | None = None
        while True:
            page = await self.get(
                path, limit=PAGE, **query, **({"cursor": cursor} if cursor else {})
            )
            found.extend(page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def ensure_id_token(self, id_token: str) -> None:
        """Make an accepted id token, unless it exists."""
        await self.ensure("/id-tokens", {"id_token": id_token})

    async def ensure(self, path: str, body: Payload) -> bool:
        """Make something unless it exists; return whether it was made."""
        response = await self.http.post(path, json=body)
        if response.status_code == httpx.codes.CONFLICT:
            return False
        response.raise_for_status()
        return True

    async def post(self, path: str, body: Payload) -> Payload:
        """Ask for something to be made or done, and return the answer."""
        response = await self.http.post(path, json=body)
        response.raise_for_status()
        answer: Payload = response.json()
        return answer

    async def command(
        self, station_id: str, action: str, payload: Payload, **query: str | int
    ) -> Payload:
        """Send a command and return it as it stands when REST answers."""
        path = f"/stations/{quote(station_id, safe='')}/commands/{action}"
        response = await self.http.post(path, json=payload, params=query)
        response.raise_for_status()
        result: Payload = response.json()
        return result

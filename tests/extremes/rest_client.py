"""REST as a client uses it that waits where it is asked to."""

import asyncio
from typing import Any

import httpx

from tests.extremes.rest_requests import Case

_PATIENCE_S = 60.0
_ASKED_TO_WAIT = (429, 503)


class RestClient:
    """Sends requests again while the suite asks to come again later."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer; too busy, or a service that is slow, is none yet."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE_S
        while True:
            answer = await self._http.request(method, path, **options)
            waited_for = answer.status_code in _ASKED_TO_WAIT and "too_many" not in answer.text
            if not waited_for or asyncio.get_running_loop().time() > deadline:
                return answer
            await asyncio.sleep(0.5)

    async def case(self, case: Case) -> httpx.Response:
        """Send a request that may be refused, but not break anything."""
        options: dict[str, Any] = {}
        if case.query:
            options["params"] = case.query
        if case.body is not None:
            options["content"] = case.body
            options["headers"] = {"Content-Type": "application/json"}
        if case.form is not None:
            options["data"] = dict(case.form)
        answer = await self.send(case.method, case.path, **options)
        assert answer.status_code < 500, f"{case}: {answer.status_code} {answer.text[:1_000]}"
        return answer

    async def ok(self, path: str, query: dict[str, Any] | None = None) -> httpx.Response:
        """Read what has to be there."""
        answer = await self.send("GET", path, params=query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:1_000]}"
        return answer

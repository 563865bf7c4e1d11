"""Where stations upload diagnostics and logs: PUT or POST, raw or as a form.

The token in the path is the only credential: stations know no other for this.
"""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from command_api.http.access.client_address import client_address
from command_api.http.access.declarations import Open, PlainRoute
from command_api.http.answers.documents import Json
from command_api.http.requests.multipart_files import MultipartFile
from command_api.http.state import state_of

# A station that says nothing for `REQUEST_S` is cut off by `BoundedProtocol`.
LONGEST_S = 3600.0
_OPEN = Open("the one-time token in the path is the credential of a station's upload")


def upload_routes() -> list[PlainRoute]:
    """Return the routes of uploads; with a name, without one, and with a folder's slash."""
    return [
        PlainRoute(path, receive_upload, _OPEN, methods=("PUT", "POST"))
        for path in ("/uploads/{token}", "/uploads/{token}/{name:path}")
    ]


async def receive_upload(request: Request) -> Response:
    """Take in one file."""
    state = state_of(request)
    token = unquote(request.path_params["token"])
    name = unquote(request.path_params.get("name", ""))
    content_type = request.headers.get("content-type", "")
    chunks = _body(request)
    form: MultipartFile | None = None
    if content_type.lower().startswith("multipart/form-data"):
        await state.uploads.admit(token)
        form = MultipartFile(content_type, chunks)
        chunks = form.chunks()
    address = client_address(request)
    try:
        async with asyncio.timeout(LONGEST_S):
            upload = await state.uploads.receive(
                token, lambda: name or (form.name if form else None) or "", chunks, address
            )
    except (TimeoutError, ClientDisconnect) as error:
        raise HTTPException(408) from error
    return Json(
        {"upload_id": str(upload.upload_id), "size": upload.size, "sha256": upload.sha256}, 201
    )


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk

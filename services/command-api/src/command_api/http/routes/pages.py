"""Pages for people: the interactive documentation and the console, all from this process."""

import importlib.resources
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from command_api.console.files import ConsoleFiles, installed_files
from command_api.http.access.declarations import Open, PlainRoute
from command_api.http.requests.accepted_encodings import accepts

# Nothing from elsewhere, nothing inline; Swagger UI sets styles and shows data: images.
_DOCUMENTATION_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# What an edition names never changes.
_FOR_EVER = "public, max-age=31536000, immutable"
_OPEN = Open("pages hold no data; what they show they ask for with the reader's credentials")
_CONSOLE = "/console/"
_HTML = "text/html; charset=utf-8"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
}


def page_routes() -> list[PlainRoute]:
    """Return the routes of `/`, the console, `/docs` and their assets."""
    swagger = importlib.resources.files("fastapi_swagger") / "resources"
    documentation = importlib.resources.files("command_api.http") / "documentation"
    return [
        *_console_routes(installed_files()),
        _documentation("/docs", documentation / "index.html"),
        _documentation_assets("/docs/ui/{name}", swagger),
        _documentation_assets("/docs/{name}", documentation),
    ]


def _console_routes(files: ConsoleFiles) -> list[PlainRoute]:
    async def to_console(_: Request) -> Response:
        # Relative: a proxy may have taken away a prefix, which is not known here.
        return Response(status_code=307, headers={"Location": "console/"})

    async def page(request: Request) -> Response:
        headers = {**_HEADERS, "Content-Security-Policy": _CONSOLE_POLICY}
        below = request.scope["path"].removeprefix(_CONSOLE)
        return Response(files.page(below), media_type=_HTML, headers=headers)

    async def asset(request: Request) -> Response:
        found = files.assets.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        # While replicas are upgraded, one may be asked for a file of another release.
        is_named = request.path_params["edition"] == files.edition
        headers = {
            **_HEADERS,
            "Cache-Control": _FOR_EVER if is_named else _HEADERS["Cache-Control"],
            "Vary": "Accept-Encoding",
        }
        content = found.content
        if found.compressed is not None and accepts(request, "gzip"):
            content = found.compressed
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=found.media_type, headers=headers)

    return [
        PlainRoute("/", to_console, _OPEN),
        PlainRoute("/console", to_console, _OPEN),
        PlainRoute(_CONSOLE + "assets/{edition}/{name:path}", asset, _OPEN),
        PlainRoute(_CONSOLE + "{path:path}", page, _OPEN),
    ]


def _documentation(path: str, file: Traversable) -> PlainRoute:
    headers = {**_HEADERS, "Content-Security-Policy": _DOCUMENTATION_POLICY}

    async def page(_: Request) -> Response:
        return Response(file.read_bytes(), media_type=_HTML, headers=headers)

    return PlainRoute(path, page, _OPEN)


def _documentation_assets(path: str, folder: Traversable) -> PlainRoute:
    files = {file.name: file for file in folder.iterdir() if _suffix(file.name) in _TYPES}

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise HTTPException(404)
        return Response(
            files[name].read_bytes(), media_type=_TYPES[_suffix(name)], headers=_HEADERS
        )

    return PlainRoute(path, asset, _OPEN)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :] if "." in name else ""

"""Pages for people: the interactive documentation and the console, all from this process."""

import importlib.resources
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from command_api.http.access.declarations import Open, PlainRoute

# Nothing from elsewhere, nothing inline; Swagger UI sets styles and shows data: images.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{style}; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_OPEN = Open("pages hold no data; what they show they ask for with the reader's credentials")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


def page_routes() -> list[PlainRoute]:
    """Return the routes of `/`, `/docs` and their assets."""
    console = importlib.resources.files("command_api.console") / "assets"
    swagger = importlib.resources.files("fastapi_swagger") / "resources"
    documentation = importlib.resources.files("command_api.http") / "documentation"
    return [
        _page("/", console / "index.html", inline_styles=False),
        _page("/docs", documentation / "index.html", inline_styles=True),
        _assets("/console/{name}", console),
        _assets("/docs/ui/{name}", swagger),
        _assets("/docs/{name}", documentation),
    ]


def _page(path: str, file: Traversable, *, inline_styles: bool) -> PlainRoute:
    policy = _POLICY.format(style=" 'unsafe-inline'" if inline_styles else "")
    headers = {**_HEADERS, "Content-Security-Policy": policy}

    async def page(_: Request) -> Response:
        return Response(file.read_bytes(), media_type=_TYPES[".html"], headers=headers)

    return PlainRoute(path, page, _OPEN)


def _assets(path: str, folder: Traversable) -> PlainRoute:
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

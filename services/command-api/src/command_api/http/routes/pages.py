"""Pages for people: the interactive documentation and the console, all from this process."""

import importlib.resources
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

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
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


def page_routes() -> list[Route]:
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


def _page(path: str, file: Traversable, *, inline_styles: bool) -> Route:
    policy = _POLICY.format(style=" 'unsafe-inline'" if inline_styles else "")
    headers = {**_HEADERS, "Content-Security-Policy": policy}

    async def page(_: Request) -> Response:
        return Response(file.read_bytes(), media_type=_TYPES[".html"], headers=headers)

    return Route(path, page, include_in_schema=False)


def _assets(path: str, folder: Traversable) -> Route:
    files = {file.name: file for file in folder.iterdir() if _suffix(file.name) in _TYPES}

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise HTTPException(404)
        return Response(
            files[name].read_bytes(), media_type=_TYPES[_suffix(name)], headers=_HEADERS
        )

    return Route(path, asset, include_in_schema=False)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :] if "." in name else ""

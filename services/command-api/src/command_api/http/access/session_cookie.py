"""The session of a browser: a cookie, and what a request needs that has no other credential.

A browser sends the cookie along whichever page asks. So whatever changes something must say that it
comes from a page of our own: by a header that a page of elsewhere can't send, since no CORS is
granted, and by what the browser itself says of the page.
"""

from starlette.requests import Request
from starlette.responses import Response

from command_api.http.access.client_address import came_over_https
from csms_shared.contracts.refusals import refuse

SESSION_COOKIE = "csms_session"
CSRF_HEADER = "X-Requested-With"
_PATH = "/"
_READING = ("GET", "HEAD", "OPTIONS")
# A page of our own origin, or nobody's: an address that was typed in.
_OWN_SITES = ("same-origin", "none")


def session_cookie(request: Request) -> str | None:
    """Return the token in the request's cookie; an empty one is none."""
    return request.cookies.get(SESSION_COOKIE) or None


def require_own_page(request: Request) -> None:
    """Look whether a request that changes something comes from a page of our own.

    Raises:
        ProblemRaised: 403, it may come from a page of elsewhere.
    """
    if request.method in _READING:
        return
    refuse_other_sites(request)
    if not request.headers.get(CSRF_HEADER):
        detail = f"with the cookie alone, this needs the header {CSRF_HEADER}"
        raise refuse(403, "csrf", detail, (CSRF_HEADER, "is not there"))


def refuse_other_sites(request: Request) -> None:
    """Look at what the browser says of the page that asks, if it does.

    Raises:
        ProblemRaised: 403, it is a page of another origin.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES:
        raise refuse(403, "csrf", "this is not for pages of other origins")


def set_session(response: Response, request: Request, token: str, seconds: int) -> None:
    """Have the browser send the token with every request to this origin."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=seconds,
        path=_PATH,
        secure=came_over_https(request),
        httponly=True,
        samesite="strict",
    )


def clear_session(response: Response, request: Request) -> None:
    """Have the browser forget the token."""
    response.delete_cookie(
        SESSION_COOKIE,
        path=_PATH,
        secure=came_over_https(request),
        httponly=True,
        samesite="strict",
    )

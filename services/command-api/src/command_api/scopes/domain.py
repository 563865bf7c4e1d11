"""Within which scope other services are asked here."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from csms_shared.contracts.scopes import Scope

_limit: ContextVar[Scope | None] = ContextVar("scope", default=None)


def limit_to(scope: Scope | None) -> None:
    """Have services asked within this scope from here on, within this task; None: without."""
    _limit.set(scope)


def limit() -> Scope | None:
    """Return the scope within which services are asked here."""
    return _limit.get()


@contextlib.contextmanager
def limited_to(scope: Scope | None) -> Iterator[None]:
    """Have services asked within this scope in here; None: without."""
    token = _limit.set(scope)
    try:
        yield
    finally:
        _limit.reset(token)

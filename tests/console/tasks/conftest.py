"""Every task is done twice: with a mouse, and by the keyboard alone."""

from collections.abc import Callable

import pytest
from playwright.async_api import Page

from tests.console.tasks.hands import Hand, Keyboard, Mouse

Hands = Callable[[Page], Hand]


@pytest.fixture(
    params=[
        pytest.param(Mouse, id="mouse"),
        pytest.param(Keyboard, id="keyboard", marks=pytest.mark.long),
    ]
)
def hands(request: pytest.FixtureRequest) -> Hands:
    """What a task is done with: `hand = hands(viewer.page)`."""
    kind: Hands = request.param
    return kind

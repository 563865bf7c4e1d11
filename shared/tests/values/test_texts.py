"""Texts as columns hold them."""

from hypothesis import given
from hypothesis import strategies as st

from csms_shared.values.texts import fit, is_storable, storable


@given(st.text())
def test_what_is_made_storable_is_and_keeps_everything_else(text: str) -> None:
    assert is_storable(storable(text))
    assert storable(text) == (text if is_storable(text) else text.replace("\0", ""))


def test_a_text_is_cut_and_what_is_no_text_becomes_one() -> None:
    assert fit("a\0bc", 2) == "ab"
    assert fit(1.5, 9) == "1.5"
    assert fit(None, 9) is None

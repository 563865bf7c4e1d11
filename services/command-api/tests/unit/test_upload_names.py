"""Names of uploaded files hold nothing that could be read otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_api.uploads.domain.names import safe_name


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("diagnostics-2026.tar.gz", "diagnostics-2026.tar.gz"),
        ("../../etc/passwd", "passwd"),
        ("C:\\logs\\log 1.txt", "log_1.txt"),
        (".bashrc", "bashrc"),
        ("", "upload"),
        ("/", "upload"),
        ("..", "upload"),
        ("x" * 300 + ".zip", "x" * 96 + ".zip"),
    ],
)
def test_a_name_is_made_safe(given_name: str, kept: str) -> None:
    assert safe_name(given_name) == kept


@given(st.text())
def test_no_name_leads_out_of_its_folder(given_name: str) -> None:
    name = safe_name(given_name)
    assert 1 <= len(name) <= 100
    assert name[0] not in "./\\-"
    assert "/" not in name
    assert name.isascii()

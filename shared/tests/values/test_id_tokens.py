"""Id tokens are compared in one way by all services."""

from csms_shared.values.id_tokens import token_key


def test_tokens_are_compared_without_case_and_without_the_blanks_around_them() -> None:
    assert token_key("StraßE-1 ") == token_key("strasse-1")
    assert token_key("\t04 AB\n") == "04 ab"
    assert token_key("  ") == ""

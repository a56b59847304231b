import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.platform.subjects import parse_subject
from ambient_components.rules.lookalikes import hidden_character, lookalike


@pytest.mark.parametrize("char", ["\u200b", "\u202e", "\u2066", "\u200e", "\xad", "\ufeff", "\u2060", "\U000e0061"])
def test_what_cannot_be_seen_is_named(char: str) -> None:
    reason = hidden_character(f"bob{char}@example.com")
    assert reason is not None
    assert f"U+{ord(char):04X}" in reason
    # What is deployed stays readable: the platform takes such names.
    assert parse_subject(f"user:bob{char}").name == f"bob{char}"


@pytest.mark.parametrize(
    "name", ["bob@example.com", "\u06a9\u062a\u0627\u0628\u200c\u0647\u0627", "İstanbul", "名前", ""]
)
def test_other_names_hide_nothing(name: str) -> None:
    assert hidden_character(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("\u0430dmin@example.com", "several scripts in one word, such as U+0430 (cyrillic small letter a)"),
        ("\u0440\u0430\u0443@example.com", "looks Latin and is not, with U+0440"),
        ("\u039f\u039a", "looks Latin and is not, with U+039F"),
        ("\uff42\uff4f\uff42", "U+FF42 (fullwidth latin small letter b), a variant"),
        ("bob\u2024", "a variant of another character"),
        ("e\u0301quipe", "not composed"),
        ("a\u200db", "invisible U+200D"),
    ],
)
def test_what_looks_like_another_name_is_told(name: str, why: str) -> None:
    assert why in (lookalike(name) or "")


@pytest.mark.parametrize(
    "name",
    [
        "bob@example.com",
        "system:serviceaccount:a:b",
        "\u041a\u043e\u043c\u0430\u043d\u0434\u0430 payments",
        "\u0418\u0432\u0430\u043d@example.com",
        "\u039f\u03bc\u03ac\u03b4\u03b1",
        "開発チーム-dev",
        "équipe",
        "İstanbul",
        "Zürich & Co",
        "",
    ],
)
def test_names_that_are_what_they_look_like(name: str) -> None:
    assert lookalike(name) is None


@given(st.text())
def test_no_name_is_too_odd(name: str) -> None:
    for why in (lookalike(name), hidden_character(name)):
        assert why is None or why.isascii()


@given(st.text(alphabet=st.characters(max_codepoint=126, min_codepoint=32)))
def test_plain_names_are_never_told(name: str) -> None:
    assert lookalike(name) is None
    assert hidden_character(name) is None

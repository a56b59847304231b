"""Text of others stays on its line (finding 13 of the security review)."""

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.errors import AmbientError, Problem, StepError, text_of
from ambient_components.plan.markdown import code
from ambient_components.printable import LIMIT, cell, json_text, one_line

NASTY = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n\t\v\f\x85\u2028\u2029\u202e\u2066\u200b\ufeff\x7f\xad\ud800\U000e0041: #[]a=+@-"
)
texts = st.text(alphabet=st.one_of(st.sampled_from(NASTY), st.characters()), max_size=200)
BAD = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.one_of(texts, texts.map(lambda text: f"::{text}"), texts.map(lambda text: f" {text}##[{text}##vso[")))
def test_no_text_leaves_its_line_hides_anything_or_is_a_command(text):
    line = one_line(text)
    assert line.isprintable()
    assert not {unicodedata.category(char) for char in line} & BAD
    assert line.splitlines() in ([line], [])
    assert not line.lstrip().startswith("::")
    assert "##[" not in line
    assert "##vso[" not in line
    line.encode()
    assert one_line(line) == line


@given(st.text(alphabet=st.characters(categories=("L", "N", "P"), exclude_characters=":#"), max_size=LIMIT))
def test_plain_text_stays(text):
    assert one_line(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("edit of user:bob@example.com", "edit of user:bob@example.com"),
        ("İstanbul é 名前 DOMAIN\\bob", "İstanbul é 名前 DOMAIN\\bob"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\n::error::b", r"a\n::error::b"),
        ("::error::b", r"\x3a:error::b"),
        ("  ::error::b", r"  \x3a:error::b"),
        ("[::1]:6443", "[::1]:6443"),
        ("a ##[error]b", r"a \x23#[error]b"),
        ("##vso[task.setvariable]", r"\x23#vso[task.setvariable]"),
        ("## title", "## title"),
        ("gpj\u202egnp", r"gpj\u202egnp"),
        ("a\u200bb\xa0c\ufeff", r"a\u200bb\xa0c\ufeff"),
        ("\u2028", r"\u2028"),
        ("\x9b31m", r"\x9b31m"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
)
def test_what_is_shown_in_place_of_what_would_act(text, shown):
    assert one_line(text) == shown


def test_a_long_text_ends_and_says_so():
    assert one_line("a" * (LIMIT + 7)) == "a" * LIMIT + "… (7 more characters)"
    assert one_line("abcdef", 3) == "abc… (3 more characters)"
    assert one_line("abc", 3) == "abc"


@given(texts)
def test_a_cell_is_no_formula_and_no_line(text):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([cell(text), cell(None), cell(3)])
    assert written.getvalue().count("\n") == 1
    ((first, *others),) = csv.reader(io.StringIO(written.getvalue(), newline=""))
    assert first == cell(text)
    assert others == ["", "3"]
    assert not first.startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))


@given(st.dictionaries(texts, st.one_of(texts, st.lists(texts, max_size=3)), max_size=3))
def test_json_is_safe_to_print_and_means_the_same(value):
    text = json_text(value)
    assert json.loads(text) == value
    assert "##[" not in text
    for line in text.split("\n"):
        assert line.isprintable()
        assert not line.lstrip().startswith("::")


@given(texts)
def test_errors_and_code_spans_are_printable(text):
    assert str(StepError(text)) == one_line(text)
    assert str(StepError(text)) == text_of(StepError(text))
    assert str(Problem(None, "", text)).isprintable()
    assert "\n" not in str(AmbientError([Problem(None, "", text)]))
    assert code(text).isprintable()

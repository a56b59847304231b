"""The writer of HTML: whatever a text is, it stays text, and nothing but known elements and attributes is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.html.page import Part, Total, document, folded, join, name, page, table, tag
from ambient_components.printable import one_line
from tests.support.html_pages import HOSTILE, faults, read, words
from tests.support.quick import examples

TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=40)


def whole(text: str) -> str:
    rows = [tag("tr", tag("th", text, scope="row", title=text), tag("td", [text, tag("b", text)]))]
    body = join(tag("p", text), table(text, [text, "x"], rows), folded((text,), tag("p", text)))
    return page(text, [text], [Total(1, text, "p1")], [Part("p1", text, body, 2), Part("p2", text, join())], [text])


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_text_stays_text(text: str) -> None:
    found = whole(text)
    assert faults(found) == []
    assert one_line(text).strip() in words(found)
    assert not set(found) & {"\u202e", "\u2066", "\x1b", "\x07", "\r", "\x00", "\ud800"}


@examples(60)
@given(TEXTS)
def test_any_text_stays_text(text: str) -> None:
    plain = [one[0] for one in read(whole("x")).elements]
    assert [one[0] for one in read(whole(text)).elements] == plain
    assert faults(whole(text)) == []


def test_what_is_left_out() -> None:
    assert tag("p", None, "", 0, class_="", hidden=False, title=None).text == "<p>0</p>"
    assert tag("details", open=True).text == "<details open></details>"
    assert tag("a", "x", href="w-1", aria_label="<").text == '<a href="#w-1" aria-label="&lt;">x</a>'
    assert not join()
    assert len(name("x" * 1000)) < 400


def test_no_source_ends_its_element() -> None:
    with pytest.raises(ValueError, match="ends its element"):
        document([], [], "p {}</style>", "")


def test_equal_pages_are_equal_bytes() -> None:
    assert whole("x") == whole("x")

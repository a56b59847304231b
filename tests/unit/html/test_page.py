"""The writer of HTML: whatever a text is, it stays text, and nothing but known elements and attributes is written."""

import json
import shutil
import subprocess
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.html.page import Part, Row, Total, document, folded, join, name, page, table, tag
from ambient_components.printable import one_line
from tests.support.html_pages import HOSTILE, faults, read, words
from tests.support.quick import examples

TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=40)


def whole(text: str) -> str:
    rows = [Row([tag("i", text, title=text), [text, tag("b", text)]], "r1")]
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
    plain = [element[0] for element in read(whole("x")).elements]
    assert [element[0] for element in read(whole(text)).elements] == plain
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


def test_a_page_has_a_search_only_with_scripts() -> None:
    text = page("x", [], [], [], [], search=True)
    assert faults(text) == []
    assert '<label hidden>Show rows with <input id="search"' in text
    assert 'id="search"' not in whole("x")


DOM = """
const texts = ["pay user:bob", "shop user:ANN", "new"];
const row = (textContent) => {
  const names = new Set();
  return {textContent, classList: {toggle: (name, on) => on ? names.add(name) : names.delete(name),
    contains: (name) => names.has(name), remove: (name) => names.delete(name)}};
};
const all = texts.map(row), label = {hidden: true}, shown = {}, listeners = {};
const box = {value: "", parentElement: label, addEventListener: (event, listen) => { listeners[event] = listen; }};
globalThis.document = {getElementById: (id) => ({search: box, shown})[id], querySelectorAll: () => all};
globalThis.addEventListener = () => {};
globalThis.location = {hash: ""};
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no node")
def test_the_search_hides_rows_without_its_text() -> None:
    look = """
    for (box.value of ["", " Ann", "user:", ""]) {
      listeners.input();
      console.log(JSON.stringify([label.hidden, all.map((row) => row.classList.contains("miss")), shown.textContent]));
    }
    """
    script = files("ambient_components.html").joinpath("page.js").read_text(encoding="utf-8")
    run = subprocess.run(["node", "-e", DOM + script + look], capture_output=True, text=True, check=True)
    everything = [False, [False, False, False], ""]
    assert [json.loads(line) for line in run.stdout.splitlines()] == [
        everything,
        [False, [True, False, True], "1 of 3 rows"],
        [False, [False, False, True], "2 of 3 rows"],
        everything,
    ]

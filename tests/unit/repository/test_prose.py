"""The pages for users read as plain technical English: sentences are short, and evidence is in the annex."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if "internals" not in page.parts),
]
MOST_WORDS = 40
MOST_SEMICOLONS = 3

_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_PART = re.compile(r"\n\s*\n|\n(?=\s*[-*] |\s*\d+\. |#)|\n(?=\|)|(?<!\\)\|")
"""Between two paragraphs, items of a list, or cells of a table."""


def sentences(page: str) -> Iterator[str]:
    """Yield the sentences of a page, with a word for each list of code, and without blocks and targets of links."""
    text = re.sub(r"`[^`]*`", "CODE", _FENCE.sub("", page))
    text = re.sub(r"CODE(, CODE)+", "CODE", text)  # the values of a field
    text = re.sub(r"\]\([^)]*\)", "]", text).replace("&#124;", "/")
    for part in _PART.split(text):
        yield from re.split(r"(?<=[.!?:])\s+", " ".join(part.split()))


def too_long(page: str) -> list[str]:
    return [one for one in sentences(page) if len(one.split()) > MOST_WORDS or one.count(";") > MOST_SEMICOLONS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_are_short(page: Path) -> None:
    assert too_long(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_for_users_cites_no_test(page: Path) -> None:
    assert re.findall(r"\btests/\S+", page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. " + "word " * MOST_WORDS, 0),
        ("word " * MOST_WORDS + "word", 1),
        ("- " + "word " * 30 + "\n- " + "word " * 30, 0),
        ("| " + "word " * 30 + "| " + "word " * 30 + "|", 0),
        ("`" + "word " * 50 + "` is code.\n\n```text\n" + "word " * 50 + "\n```\n", 0),
        ("One; two; three; four.", 0),
        ("One; two; three; four; five.", 1),
    ],
)
def test_sentences_are_counted(text: str, count: int) -> None:
    assert len(too_long(text)) == count

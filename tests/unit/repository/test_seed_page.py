"""The table of the platform's page on workspaces is complete: each row has a place, tests that exist, and a reason."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/internals/seed.md").read_text(encoding="utf-8")
FIELDS = (ROOT / "docs/reference/fields.md").read_text(encoding="utf-8")
VERBS = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")

SECTIONS = {"Workspaces": 9, "Storage": 2, "Secrets": 5, "Sharing": 7, "API keys": 10, "Best practices": 8}
"""The parts of the platform's page, with the number of their capabilities: a row that is lost is noticed."""

_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)`")
_CODE = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    capability: str
    place: str
    tests: str
    different: str

    def __str__(self) -> str:
        return self.capability[:40]


def rows(section: str) -> list[Row]:
    text = PAGE[PAGE.index(f"\n## {section}\n") + 1 :].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


ALL = [row for section in SECTIONS for row in rows(section)]


def test_no_capability_is_lost() -> None:
    assert {section: len(rows(section)) for section in SECTIONS} == SECTIONS
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == list(SECTIONS)
    assert len({row.capability for row in ALL}) == len(ALL)


@pytest.mark.parametrize("row", ALL, ids=str)
def test_every_capability_has_its_place(row: Row) -> None:
    assert row.place not in ("", "-")
    for code in _CODE.findall(row.place):
        known = f"| `{code}` |" in FIELDS or code.split(":")[0] in _CODE.findall(FIELDS)
        verb = re.match(r"ambient [a-z ]+", code)
        assert known or (verb and f"## {verb[0].strip()}\n" in VERBS) or code == "pulumi up", code


@pytest.mark.parametrize("row", ALL, ids=str)
def test_every_capability_has_tests_that_exist(row: Row) -> None:
    named = [(match["file"], match["name"]) for match in _TEST.finditer(row.tests)]
    assert named
    assert [f"`{file}::{name}`" for file, name in named] == row.tests.split("<br>")
    for file, name in named:
        assert re.search(rf"^ *def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), name


@pytest.mark.parametrize("row", ALL, ids=str)
def test_what_is_different_has_a_reason(row: Row) -> None:
    """`-` is the same; anything else is whole sentences, and never only "partly"."""
    if row.different != "-":
        assert len(row.different.split()) >= 8
        assert row.different.endswith(".")
    assert not re.search(r"\b(partly there|partial|todo|not yet)\b", row.different, re.IGNORECASE)

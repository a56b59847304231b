"""What a pattern of `include` matches, and how much of a tree is searched for it."""

import fnmatch
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.stackfile import includes
from ambient_components.stackfile.files import DISK, Search
from ambient_components.stackfile.loader import review_stack
from ambient_components.stackfile.regular import Unreadable

NAMES = st.sampled_from(["a", "b", ".h", "x.yaml", ".y.yaml"])
TREES = st.recursive(st.just({}), lambda below: st.dictionaries(NAMES, below, max_size=3), max_leaves=12)
PARTS = st.sampled_from(["**", "**", "*", "?", "a", "b", ".h", "[ab]", "*.yaml", ".*", "x.yaml", "nowhere"])
PATTERNS = st.lists(PARTS, min_size=1, max_size=6).map("/".join)


def make(folder: Path, tree: dict) -> None:
    for name, below in tree.items():
        if below or not name.endswith(".yaml"):
            (folder / name).mkdir()
            make(folder / name, below)
        else:
            (folder / name).touch()


def matched(folder: str, parts: list[str]) -> set[str]:
    """What a pattern matches, by trying every way: exponential, so for small trees only."""
    if not parts:
        return {""}
    part, rest = parts[0], parts[1:]
    if part == "**" and rest in ([], ["**"]):
        rest = ["*"]
    with os.scandir(folder) as listed:
        entries = sorted(listed, key=lambda entry: entry.name)
    found = set[str]()
    if part == "**":
        found |= matched(folder, rest)
    for entry in entries:
        if entry.name.startswith(".") and not part.startswith("."):
            continue
        if part == "**" and entry.is_dir():
            found |= {f"{entry.name}/{below}" for below in matched(entry.path, ["**", *rest])}
        elif part != "**" and fnmatch.fnmatchcase(entry.name, part):
            if not rest:
                found.add(entry.name)
            elif entry.is_dir():
                found |= {f"{entry.name}/{below}" for below in matched(entry.path, rest)}
    return found


@given(tree=TREES, pattern=PATTERNS.filter(lambda text: any(sign in text for sign in "*?[")))
def test_a_pattern_matches_what_trying_every_way_finds(tree, pattern, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    make(folder, tree)
    expected = sorted(matched(str(folder), pattern.split("/")))
    assert DISK.expand(pattern, str(folder), Search()) == expected


class Counted(Search):
    """How much is searched."""

    def __init__(self):
        super().__init__()
        self.names = 0

    def count(self, names):
        self.names += names
        super().count(names)


@pytest.mark.parametrize("pattern", ["/".join(["**", "*"] * 10), "/".join(["**"] * 30), "/".join(["**", "a"] * 10)])
def test_several_wildcards_search_each_folder_once_for_each_part(pattern, tmp_path):
    """40 folders in each other, for which trying every way takes longer than the universe is old."""
    (tmp_path / "/".join(["a"] * 40)).mkdir(parents=True)
    search = Counted()
    assert DISK.expand(f"{pattern}/x.yaml", str(tmp_path), search) == []
    assert search.names <= 3 * 41 * 21


def test_links_in_a_pattern_end_as_well(tmp_path):
    """A link to its own folder gives each folder endlessly many names, which a pattern's own parts may follow."""
    (tmp_path / "/".join(["a"] * 20)).mkdir(parents=True)
    for depth in range(20):
        (tmp_path / "/".join(["a"] * depth) / "l").symlink_to(".")
    with pytest.raises(Unreadable, match="searches more than"):
        DISK.expand("/".join(["**", "l"] * 400), str(tmp_path), Search(20_000))


def test_all_patterns_of_a_stack_share_what_may_be_searched(tmp_path, monkeypatch):
    monkeypatch.setattr(includes, "Search", lambda: Search(50))
    for number in range(10):
        (tmp_path / f"{number}.yaml").write_text("workspaces: {}\n")
    (tmp_path / "s").write_text("include:\n" + '  - "*.yaml"\n' * 10 + "workspaces: {}\n")
    monkeypatch.chdir(tmp_path)
    problems = review_stack("s").problems
    assert [problem.where.line for problem in problems] == list(range(6, 12))
    assert str(problems[0]) == (
        "s:6:5: include[4]: '*.yaml' searches more than 1,000,000 names, with the wildcards before it; write the "
        "folder before the first wildcard, and ** once"
    )

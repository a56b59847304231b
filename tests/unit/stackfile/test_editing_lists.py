"""Edits of lists in a stack file: items added and removed, in every style, with a second opinion on each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.errors import AmbientError
from ambient_components.stackfile.changes import Change, ItemChange
from ambient_components.stackfile.editing import edited
from ambient_components.stackfile.yaml.reader import parse_yaml

BOB = {"user": "bob", "role": "edit"}

ADDED = {
    "brackets": ("k: [{group: a}]\n", "k: [{group: a}, {user: bob, role: edit}]\n"),
    "brackets, empty": ("k: []  # none\n", "k: [{user: bob, role: edit}]  # none\n"),
    "brackets, empty with a comment": ("k: [ # c\n  ]\n", "k: [ # c\n  {user: bob, role: edit}]\n"),
    "brackets, a trailing comma": ("k: [{group: a},]\n", "k: [{group: a}, {user: bob, role: edit},]\n"),
    "brackets, a line for each item": (
        "k: [\n  {group: a},  # a\n  {group: b}  # b\n]\n",
        "k: [\n  {group: a},  # a\n  {group: b},  # b\n  {user: bob, role: edit}\n]\n",
    ),
    "lines": (
        "k:\n  - {group: a}  # a\n# z\nz: 1\n",
        "k:\n  - {group: a}  # a\n  - {user: bob, role: edit}\n# z\nz: 1\n",
    ),
    "lines without indentation": ("k:\n- {group: a}\nz: 1\n", "k:\n- {group: a}\n- {user: bob, role: edit}\nz: 1\n"),
    "lines, as blocks": (
        "k:\n  - group: a\n    role: view\n\nz: 1",
        "k:\n  - group: a\n    role: view\n  - user: bob\n    role: edit\n\nz: 1",
    ),
    "lines of Windows": ("k:\r\n- group: a\r\n", "k:\r\n- group: a\r\n- user: bob\r\n  role: edit\r\n"),
    "after a scalar": ("k:\n  - a\n", "k:\n  - a\n  - {user: bob, role: edit}\n"),
    "after an alias": ("a: &a {group: a}\nk:\n  - *a\n", "a: &a {group: a}\nk:\n  - *a\n  - {user: bob, role: edit}\n"),
}


@pytest.mark.parametrize(("before", "after"), ADDED.values(), ids=ADDED.keys())
def test_an_item_is_added(before: str, after: str) -> None:
    assert edited(before, "x.yaml", [ItemChange(("k",), BOB)]) == after


def test_a_list_that_is_not_there_is_a_field() -> None:
    text = edited("k: {}\nl:\n  a: 1\n", "x.yaml", [Change((name,), "grants", "[{user: bob}]") for name in "kl"])
    assert text == "k: {grants: [{user: bob}]}\nl:\n  a: 1\n  grants: [{user: bob}]\n"


REMOVED = {
    "brackets, the first": ("k: [{a: 1}, {b: 1}, c]\n", [0], "k: [{b: 1}, c]\n"),
    "brackets, the last": ("k: [{a: 1}, {b: 1}, c]\n", [2], "k: [{a: 1}, {b: 1}]\n"),
    "brackets, all": ("k: [ {a: 1}, b ]  # c\n", [0, 1], "k: []  # c\n"),
    "brackets with lines": (
        "k: [\n  # of a\n  a,  # a\n  b,  # b\n  c  # c\n]\n",
        [0, 2],
        "k: [\n  b,  # b\n]\n",
    ),
    "lines, the first": ("k:\n  # of a\n  - a\n  # of b\n  - b\n", [0], "k:\n  # of b\n  - b\n"),
    "lines, one in the middle": ("k:\n- a\n- b: 1\n  c: 1  # c\n  # below\n\n- d\n", [1], "k:\n- a\n\n- d\n"),
    "lines, all": ("k:  # c\n  - a\n  - b\nz: 1\n", [0, 1], "k: []  # c\nz: 1\n"),
    "lines, all without indentation": ("k:\n# of a\n- a\n# of z\nz: 1\n", [0], "k: []\n# of z\nz: 1\n"),
    "dashes elsewhere": ("k:\n  - a-b  # - c\n  # - d\n  - - e\n    - f\n  - -\n", [1], "k:\n  - a-b  # - c\n  - -\n"),
    "the value on the next line": ("k:\n  - a\n  -  # why\n    b: 1\n  - c\n", [1], "k:\n  - a\n  - c\n"),
    "an anchor that is not used": ("k: &k-k\n  - &a {a: 1}\n  - b\n", [0], "k: &k-k\n  - b\n"),
    "all of an anchor": ("k: &k\n  - a\n", [0], "k: &k []\n"),
    "an alias": ("a: &a {b: 1}\nk:\n  - *a\n  - c\n", [0], "a: &a {b: 1}\nk:\n  - c\n"),
    "text of several lines": ("k:\n  - |\n    # - x\n    y\n  - z\n", [0], "k:\n  - z\n"),
}


@pytest.mark.parametrize(("before", "items", "after"), REMOVED.values(), ids=REMOVED.keys())
def test_items_are_removed(before: str, items: list[int], after: str) -> None:
    assert edited(before, "x.yaml", [ItemChange(("k",), item) for item in items]) == after


def test_items_are_replaced_beside_other_changes() -> None:
    text = "k:\n  - a\n  - b\nl: {m: 1, n: [x, y]}\n"
    changes = [
        ItemChange(("k",), 0),
        ItemChange(("k",), BOB),
        ItemChange(("k",), 1),
        ItemChange(("l", "n"), 0),
        Change(("l",), "m", "2"),
    ]
    assert edited(text, "x.yaml", changes) == "k:\n  - {user: bob, role: edit}\nl: {m: 2, n: [y]}\n"


@pytest.mark.parametrize(
    ("text", "item", "message"),
    [
        ("k: {}\n", 0, "x.yaml:1:4: k: is not a list; write it as one, such as []"),
        ("k: 1\n", BOB, "x.yaml:1:4: k: is not a list; write it as one, such as []"),
        ("k: [a]\n", 1, "x.yaml:1:4: k[1]: is not in this file"),
        ("j: &j [a]\nk: *j\n", 0, "x.yaml:2:4: k: is an alias of another entry; write it out first"),
        ("k: &j [a]\nj: *j\n", BOB, "x.yaml:1:4: k: has an anchor, and other entries are aliases of it"),
        ("k: [&a {a: 1}]\nj: *a\n", 0, "x.yaml:1:5: k[0]: has an anchor, and other entries are aliases of it"),
        ("k:\n  - a: |\n      x", BOB, "x.yaml: can't be edited by a program, the way it is written; by hand: add"),
    ],
)
def test_what_is_refused(text: str, item: int | dict[str, str], message: str) -> None:
    with pytest.raises(AmbientError) as error:
        edited(text, "x.yaml", [ItemChange(("k",), item)])
    assert str(error.value).replace("\n  hint: ", "; ").startswith(message)


# Made-up files in every style: the same file with the list changed before it is written.


@dataclass(frozen=True)
class Item:
    """An item with the comments that are its own."""

    fields: tuple[tuple[str, str], ...]
    style: str = "line"
    above: tuple[str, ...] = ()
    trail: str = ""
    below: tuple[str, ...] = ()

    @property
    def braces(self) -> str:
        return "{" + ", ".join(f"{name}: {value}" for name, value in self.fields) + "}"

    @property
    def is_block(self) -> bool:
        return self.style == "block" and bool(self.fields)

    def lines(self, pad: str) -> list[str]:
        lines = [f"{pad}{comment}" for comment in self.above]
        if self.is_block:
            found = [f"{name}: {value}" for name, value in self.fields]
            lines += [f"{pad}{'  ' if index else '- '}{line}{self.trail}" for index, line in enumerate(found)]
        else:
            lines.append(f"{pad}- {self.braces}{self.trail}")
        return lines + [f"{pad}  {comment}" for comment in self.below]


@dataclass(frozen=True)
class File:
    """A list of one workspace between lines that are not to change."""

    items: tuple[Item, ...]
    style: str
    """block, flush (a block without indentation), line (in brackets) or lines (in brackets, an item a line)."""
    trail: str = ""
    comma: bool = False
    ending: str = "\n"
    rest: tuple[str, ...] = ()
    blank: bool = False

    def text(self) -> str:
        lines = ["# ü 😀", "workspaces:", "  pay:", "    description: 'é - # 😀'  # - ü"]
        if not self.items:
            lines.append(f"    grants: []{self.trail}")
        elif self.style == "line":
            inside = ", ".join(item.braces for item in self.items)
            lines.append(f"    grants: [{inside}{',' if self.comma else ''}]{self.trail}")
        elif self.style == "lines":
            lines.append(f"    grants: [{self.trail}")
            for index, item in enumerate(self.items):
                comma = "," if self.comma or index < len(self.items) - 1 else ""
                lines += [f"      {comment}" for comment in item.above]
                lines.append(f"      {item.braces}{comma}{item.trail}")
            lines.append("    ]")
        else:
            lines.append(f"    grants:{self.trail}")
            for item in self.items:
                lines += [""] if self.blank else []
                lines += item.lines(" " * (6 if self.style == "block" else 4))
        return self.ending.join([*lines, *self.rest, ""])


COMMENTS = st.sampled_from(["# why", "#", "# é 日本 😀", "# - a: [b], 'c'", "#\t- x\t"])
TRAILS = st.just("") | st.builds("{}{}".format, st.sampled_from([" ", "  ", "\t"]), COMMENTS)
ABOVE = st.lists(COMMENTS, max_size=2).map(tuple)
VALUES = st.sampled_from(["edit", "'it''s # [x], - é'", '"\\u00e9: ]"', "a-b", "[a, {b: 1}]", "-1.5e3"])
FIELDS = st.lists(st.tuples(st.sampled_from(["user", "'role'", '"from"', "until"]), VALUES), max_size=3)
ITEMS = st.builds(
    Item, FIELDS.map(dict).map(dict.items).map(tuple), st.sampled_from(["line", "block"]), ABOVE, TRAILS, ABOVE
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn, least: int = 1) -> File:
    style = draw(st.sampled_from(["block", "flush", "line", "lines"]))
    items = draw(st.lists(ITEMS, min_size=least, max_size=4))
    if style in ("line", "lines"):
        items = [replace(item, style="line", below=()) for item in items]
    if style == "line":
        items = [replace(item, above=(), trail="") for item in items]
    return File(
        tuple(items),
        style,
        draw(TRAILS),
        draw(st.booleans()),
        draw(st.sampled_from(["\n", "\r\n"])),
        draw(st.sampled_from([(), ("",), ("", "    # of labels", "    labels: {a: b}"), ("    protect: true  # c",)])),
        draw(st.booleans()),
    )


LIST = ("workspaces", "pay", "grants")


def data_of(text: str) -> Sequence[object]:
    found: Sequence[object] = parse_yaml(text, "x.yaml").data["workspaces"]["pay"]["grants"]
    return found


@given(files(least=0))
def test_an_item_that_is_added_is_the_whole_difference(file: File) -> None:
    style = "block" if file.items and file.items[-1].is_block else "line"
    new = Item((("user", "bob"), ("role", "edit")), style)
    last = file.items[-1:]
    if last and file.style in ("block", "flush"):
        # Comments below the last item stay at the end.
        items = (*file.items[:-1], replace(last[0], below=()), replace(new, below=last[0].below))
        after = replace(file, items=items, blank=False).text()
        if file.blank:
            return
    elif file.items:
        after = replace(file, items=(*file.items, new)).text()
    else:
        after = file.text().replace("[]", f"[{new.braces}]")
    assert edited(file.text(), "x.yaml", [ItemChange(LIST, BOB)]) == after
    assert data_of(after) == [*data_of(file.text()), BOB]


@given(files(), st.data())
def test_items_that_are_removed_are_the_whole_difference(file: File, data: st.DataObject) -> None:
    numbers = range(len(file.items))
    gone = data.draw(st.sets(st.sampled_from(numbers), min_size=1))
    before = file.text()
    after = edited(before, "x.yaml", [ItemChange(LIST, number) for number in gone])
    assert data_of(after) == [one for number, one in enumerate(data_of(before)) if number not in gone]
    kept = tuple(item for number, item in enumerate(file.items) if number not in gone)
    if kept and file.style == "line" and len(file.items) - 1 in gone:
        expected = replace(file, items=kept)
        # A trailing comma stays behind the new last item.
        assert after == expected.text()
    elif kept and file.style == "lines" and len(file.items) - 1 in gone and not file.comma:
        # A comma of the new last item may stay.
        assert after.replace(",", "") == replace(file, items=kept).text().replace(",", "")
    elif kept and not file.blank:
        assert after == replace(file, items=kept).text()
    elif not kept and file.style in ("block", "flush") and not file.blank:
        assert after == replace(file, items=()).text()


@given(files())
def test_an_item_added_and_removed_leaves_the_file(file: File) -> None:
    once = edited(file.text(), "x.yaml", [ItemChange(LIST, BOB)])
    back = edited(once, "x.yaml", [ItemChange(LIST, len(file.items))])
    assert data_of(back) == data_of(file.text())
    if file.style in ("block", "flush") and not file.items[-1].below:
        assert back == file.text()

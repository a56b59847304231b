"""Edits of lists in a stack file: items added and removed, in every style."""

import pytest

from ambient_components.errors import AmbientError
from ambient_components.stackfile.changes import Change, ItemChange
from ambient_components.stackfile.editing import edited

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

"""Edits of a stack file's text: what changes, what stays to the byte, and what is refused."""

import pytest
import yaml

from ambient_components.errors import AmbientError
from ambient_components.stackfile.editing import Change, edited, with_workspaces
from ambient_components.stackfile.yaml import reader, splices


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions are the same by either: a machine may lack the one in C."""
    for module in (reader, splices):
        monkeypatch.setattr(module, "_Loader", getattr(yaml, request.param))


def path(text: str) -> tuple[str, ...]:
    return tuple(text.split("."))


SET = {
    "block, comments and blank lines follow": (
        "k:\n  role: view\n\n  # end of k\n\n# z is\nz: 1\n",
        "k:\n  role: view\n  generation: 2\n\n  # end of k\n\n# z is\nz: 1\n",
    ),
    "block, deeply indented": ("k:\n      role: view\n", "k:\n      role: view\n      generation: 2\n"),
    "block, the last one is a mapping": (
        "k:\n  a:\n    b: 1\n    # of b\nz: 1\n",
        "k:\n  a:\n    b: 1\n  generation: 2\n    # of b\nz: 1\n",
    ),
    "braces, the last one is quoted": ('k: {"role":"}"}\n', 'k: {"role":"}", generation: 2}\n'),
    "there already, quoted": ('k:\n  "generation" : "1"\n', 'k:\n  "generation" : 2\n'),
    "block, the last one is a list": (
        "k:\n  a:\n  - x\n  - y: 1\n    z: 2  # c\n",
        "k:\n  a:\n  - x\n  - y: 1\n    z: 2  # c\n  generation: 2\n",
    ),
    "block, the last one is empty": (
        "k:\n  a:  # nothing\n\n# z\nz: 1\n",
        "k:\n  a:  # nothing\n  generation: 2\n\n# z\nz: 1\n",
    ),
    "block, the last one is an alias": (
        "x: &x 1\nk:\n  a: *x  # c\nz: 1\n",
        "x: &x 1\nk:\n  a: *x  # c\n  generation: 2\nz: 1\n",
    ),
    "block, text of several lines": (
        "k:\n  a: one\n    two  # c\n\nz: 1\n",
        "k:\n  a: one\n    two  # c\n  generation: 2\n\nz: 1\n",
    ),
    "block, literal text": (
        "k:\n  a: |  # c\n    one\n    # text\n\n\n# z\nz: 1\n",
        "k:\n  a: |  # c\n    one\n    # text\n  generation: 2\n\n\n# z\nz: 1\n",
    ),
    "start and end of the document": (
        "--- # s\nk:\n  role: view\n...\n# e\n",
        "--- # s\nk:\n  role: view\n  generation: 2\n...\n# e\n",
    ),
    "byte order mark": ("\ufeffk: {a: ü}\n", "\ufeffk: {a: ü, generation: 2}\n"),
    "braces, a comma at the end": ("k: {role: view,}\n", "k: {role: view, generation: 2,}\n"),
    "braces, the last one is an alias": ("x: &x 1\nk: {a: *x }", "x: &x 1\nk: {a: *x, generation: 2 }"),
    "braces, wrapped": ("k: {a: 1,\n    b: 2}  # c\n", "k: {a: 1,\n    b: 2, generation: 2}  # c\n"),
    "braces, wrapped, a comment": ("k: {a: 1 # c\n}\n", "k: {a: 1, generation: 2 # c\n}\n"),
    "lines in braces, a comma in a comment": (
        "k: {\n  a: 1  # x, y\n  # z,\n}\n",
        "k: {\n  a: 1, generation: 2  # x, y\n  # z,\n}\n",
    ),
    "empty braces with a space": ("k: { }\n", "k: { generation: 2}\n"),
    "empty braces with a comment": ("k: {  # none\n  }\n", "k: {  # none\n  generation: 2}\n"),
    "there already, empty": ("k:\n  generation:  # c\n  a: 1\n", "k:\n  generation: 2  # c\n  a: 1\n"),
    "there already, of several lines": (
        "k:\n  generation: |\n    1\n\n  a: 1\n",
        "k:\n  generation: 2\n\n  a: 1\n",
    ),
}


@pytest.mark.usefixtures("either_parser")
@pytest.mark.parametrize(("before", "after"), SET.values(), ids=SET)
def test_setting(before: str, after: str) -> None:
    assert edited(before, "x.yaml", [Change(("k",), "generation", "2")]) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("k:\n  role: view\t# c\nz: 1\n", "k:\n  role: view\t# c\n  generation: 2\nz: 1\n"),
        ("k: {a: }", "k: {a: , generation: 2}"),
    ],
)
def test_what_the_parser_in_python_sees_otherwise(before: str, after: str) -> None:
    assert edited(before, "x.yaml", [Change(("k",), "generation", "2")]) == after


def test_setting_deep_in_a_file_and_at_its_top() -> None:
    before = "workspaces:\n  pay:\n    keys:\n      ci: {role: view}\n      cd:\n        role: edit\n  lab: {}\n"
    after = edited(before, "x.yaml", [Change(path("workspaces.pay.keys.ci"), "overlapUntil", "2026-12-31")])
    after = edited(after, "x.yaml", [Change(path("workspaces.pay.keys.cd"), "generation", "2")])
    after = edited(after, "x.yaml", [Change((), "timezone", "UTC")])
    assert after == (
        "workspaces:\n  pay:\n    keys:\n      ci: {role: view, overlapUntil: 2026-12-31}\n      cd:\n"
        "        role: edit\n        generation: 2\n  lab: {}\ntimezone: UTC\n"
    )


REMOVE = {
    "block, the only one": ("k:\n  ci: {}\nz: 1\n", "k: {}\nz: 1\n"),
    "braces, the last": ("k: { a: 1, ci: {a: 1} }  # c\n", "k: { a: 1 }  # c\n"),
    "braces, the only one": ("k: { ci: {a: 1} } # c\n", "k: {} # c\n"),
    "block, without one further up": (
        "k:\n  a: 1\n\n  # of all\n\n  # of ci\n  ci: {} # c\n  # of b\n  b: 1\n",
        "k:\n  a: 1\n\n  # of all\n\n  # of b\n  b: 1\n",
    ),
    "block, without one that is indented otherwise": (
        "k:\n  a: 1\n    # of a\n  ci: {}\n  b: 1\n",
        "k:\n  a: 1\n    # of a\n  b: 1\n",
    ),
    "braces, wrapped, the middle": ("k: {a: 1,\n    ci: 1,\n    b: 1}\n", "k: {a: 1,\n    b: 1}\n"),
    "block, with all its lines": ("k:\n  ci:\n    a: [\n    1]\n    b: |\n     x\n\n  b: 1\n", "k:\n\n  b: 1\n"),
    "block, with comments in it": (
        "k:\n  ci:\n    a: 1\n    # off\n\n    # too\n\n  # of b\n  b: 1\n",
        "k:\n\n  # of b\n  b: 1\n",
    ),
    "block, the line above ends a text": ("k:\n  a: 'x\n  # text\n  '\n  ci: 1\n", "k:\n  a: 'x\n  # text\n  '\n"),
    "block, the only one, comments": (
        "k:  # keys\n  # of all\n\n  # of ci\n  ci:  # c\n    a: 1\n\n  # end\nz: 1\n",
        "k: {}  # keys\n  # of all\n\n\n  # end\nz: 1\n",
    ),
    "block, the only one, Windows": ("k:\r\n  # of ci\r\n  ci: {}\r\nz: 1\r\n", "k: {}\r\nz: 1\r\n"),
    "byte order mark": ("\ufeffk: {ci: 1}\n", "\ufeffk: {}\n"),
    "braces, the last, a comma": ("k: {a: 1, ci: {a: 1},}\n", "k: {a: 1,}\n"),
    "braces, the only one, lines": ("k: {\n  # of ci\n  ci: {a: 1},  # c\n}\n", "k: {}\n"),
    "braces, wrapped, the first": ("k: {ci: 1,\n    b: 1}\n", "k: {b: 1}\n"),
    "braces, wrapped, the last": ("k: {a: 1,\n    ci: 1}\n", "k: {a: 1}\n"),
    "lines in braces, a comma of its own": ("k: {\n  ci: 1\n  ,\n  b: 1\n}\n", "k: {\n  b: 1\n}\n"),
}


@pytest.mark.usefixtures("either_parser")
@pytest.mark.parametrize(("before", "after"), REMOVE.values(), ids=REMOVE)
def test_removing(before: str, after: str) -> None:
    assert edited(before, "x.yaml", [Change(("k",), "ci", None)]) == after


MANY = {
    "some in braces": ("k: {a: 1, b: 1, c: 1, d: 1, e: 1}\n", "b c e", "k: {a: 1, d: 1}\n"),
    "the last in braces": ("k: {a: 1, b: 1, c: 1}\n", "b c", "k: {a: 1}\n"),
    "the first in braces": ("k: {a: 1, b: 1, c: 1}\n", "a b", "k: {c: 1}\n"),
    "all in braces": ("k: {a: 1, b: 1, c: 1}\n", "a b c", "k: {}\n"),
    "some of a block": ("k:\n  # a\n  a: 1\n  # b\n  b: 1\n  c: 1\n", "a b", "k:\n  c: 1\n"),
    "all of a block": ("k:\n  # a\n  a: 1\n\n  b: 1\n  c: 1\n", "a b c", "k: {}\n\n"),
    "lines in braces": ("k: {\n  a: 1,\n  b: 1,\n  c: 1,\n}\n", "a b", "k: {\n  c: 1,\n}\n"),
}


@pytest.mark.parametrize(("before", "fields", "after"), MANY.values(), ids=MANY)
def test_removing_many(before: str, fields: str, after: str) -> None:
    assert edited(before, "x.yaml", [Change(("k",), field, None) for field in fields.split()]) == after


def test_many_changes_at_once() -> None:
    before = "k:\n  a:\n    # soon\n    until: 1\n    b:\n      c: 1\n  d: {until: 3}\n"
    changes = [
        Change(("k", "a"), "generation", "2"),
        Change(("k", "a"), "until", None),
        Change(("k", "a"), "role", "view"),
        Change(("k", "a", "b"), "generation", "2"),
        Change(("k", "d"), "until", None),
        Change(("k", "d"), "generation", "4"),
    ]
    assert edited(before, "x.yaml", changes) == (
        "k:\n  a:\n    b:\n      c: 1\n      generation: 2\n    generation: 2\n    role: view\n  d: {generation: 4}\n"
    )


WRITE, GONE, ADD, DROP = (
    Change(("workspaces", "ci"), "generation", "2"),
    Change(("workspaces",), "ci", None),
    Change(("workspaces",), None, "b"),
    Change(("workspaces",), 0, None),
)
BY_HAND = {
    WRITE: "write 'generation: 2' in workspaces.ci",
    GONE: "remove workspaces.ci",
    ADD: "add '- b' to workspaces",
    DROP: "remove workspaces[0]",
}
REFUSED = {
    "no such entry": ("k: {}\n", WRITE),
    "nothing to remove": ("k: {}\n", GONE),
    "no such item": ("k: []\n", DROP),
    "no mapping": ("k: {ci: x}\n", WRITE),
    "no list": ("k: {}\n", ADD),
    "more than one value": ("k: {ci: {generation: [1]}}\n", WRITE),
    "in an alias": ("j: &j {}\nk: {ci: *j}\n", WRITE),
    "in an anchor": ("k: {ci: &j {}}\nj: *j\n", WRITE),
    "a scalar with an anchor": ("k: {ci: {generation: &g 1}}\ng: *g\n", WRITE),
    "an anchor": ("k: {ci: &j {}}\nj: *j\n", GONE),
    "an anchor in it": ("k: {ci: {a: &j {}}}\nj: *j\n", GONE),
    "an item of an alias": ("j: &j [a]\nk: *j\n", DROP),
    "an item for an anchor": ("k: &j [a]\nj: *j\n", ADD),
    "an item with an anchor": ("k: [&a {a: 1}]\nj: *a\n", DROP),
    "a comment between items": ("k: {ci: 1,  # ci\n    b: 1}\n", GONE),
    "an item below its dash": ("k:\n  -  # why\n    b: 1\n  - c\n", DROP),
    "not at the start of a line": ("? k\n: ci: x\n", GONE),
    # The text has no newline at its end as long as the file has none.
    "a text at the end": ("k:\n  ci:\n    a: |\n      x", WRITE),
}


@pytest.mark.parametrize(("text", "change"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(text: str, change: Change) -> None:
    message = refusal(text.replace("k:", "workspaces:").replace("? k", "? workspaces"), change)
    assert f"can't be edited by a program, the way it is written; by hand: {BY_HAND[change]}" in message


def test_what_can_not_be_read() -> None:
    assert refusal("workspaces: {\n", WRITE).startswith("x.yaml:2:1: not YAML")
    assert refusal("workspaces: {ci: {}}\nworkspaces: {}\n", WRITE).startswith(
        "x.yaml:2:1: workspaces: 'workspaces' is"
    )


def test_credentials_are_not_quoted() -> None:
    assert "hunter2" not in refusal("k: {}\n", Change(("k", "ghp_hunter2hunter2"), "generation", "2"))


def refusal(text: str, *changes: Change) -> str:
    with pytest.raises(AmbientError) as error:
        edited(text, "x.yaml", changes)
    return str(error.value)


def test_all_that_stands_in_the_way_is_said_at_once_and_nothing_else() -> None:
    changes = [Change(("k", name), "g", "2") for name in "abc"]
    message = refusal("x: &x {}\nk: {a: *x, b: {}, c: *x}\n", *changes)
    assert [line.split(": ")[0] for line in message.splitlines()] == ["x.yaml:2:8", "x.yaml:2:22"]


BOB = "{user: bob, role: edit}"

ADDED = {
    "lines without indentation": ("k:\n- {group: a}\nz: 1\n", "k:\n- {group: a}\n- {user: bob, role: edit}\nz: 1\n"),
    "brackets": ("k: [{group: a}]\n", "k: [{group: a}, {user: bob, role: edit}]\n"),
    "brackets, empty": ("k: []  # none\n", "k: [{user: bob, role: edit}]  # none\n"),
    "brackets, a trailing comma": ("k: [{group: a},]\n", "k: [{group: a}, {user: bob, role: edit},]\n"),
    "brackets, a line for each item": (
        "k: [\n  {group: a},  # a\n  {group: b}\n]\n",
        "k: [\n  {group: a},  # a\n  {group: b},\n  {user: bob, role: edit}\n]\n",
    ),
    "lines": (
        "k:\n  - {group: a}  # a\n# z\nz: 1\n",
        "k:\n  - {group: a}  # a\n  - {user: bob, role: edit}\n# z\nz: 1\n",
    ),
    "lines, after a block": (
        "k:\n  - group: a\n    role: view\n\nz: 1",
        "k:\n  - group: a\n    role: view\n  - {user: bob, role: edit}\n\nz: 1",
    ),
    "lines of Windows": ("k:\r\n- group: a\r\n", "k:\r\n- group: a\r\n- {user: bob, role: edit}\r\n"),
    "after an alias": ("a: &a {group: a}\nk:\n  - *a\n", "a: &a {group: a}\nk:\n  - *a\n  - {user: bob, role: edit}\n"),
}


@pytest.mark.parametrize(("before", "after"), ADDED.values(), ids=ADDED.keys())
def test_an_item_is_added(before: str, after: str) -> None:
    assert edited(before, "x.yaml", [Change(("k",), None, BOB)]) == after


def test_a_list_that_is_not_there_is_a_field() -> None:
    text = edited("k: {}\nl:\n  a: 1\n", "x.yaml", [Change((name,), "grants", "[{user: bob}]") for name in "kl"])
    assert text == "k: {grants: [{user: bob}]}\nl:\n  a: 1\n  grants: [{user: bob}]\n"


REMOVED = {
    "brackets, the last": ("k: [{a: 1}, {b: 1}, c]\n", [2], "k: [{a: 1}, {b: 1}]\n"),
    "brackets, the first": ("k: [{a: 1}, {b: 1}, c]\n", [0], "k: [{b: 1}, c]\n"),
    "brackets, all": ("k: [ {a: 1}, b ]  # c\n", [0, 1], "k: []  # c\n"),
    "lines, the first": ("k:\n  # of a\n  - a\n  # of b\n  - b\n", [0], "k:\n  # of b\n  - b\n"),
    "lines, one in the middle": ("k:\n- a\n- b: 1\n  c: 1  # c\n  # below\n\n- d\n", [1], "k:\n- a\n\n- d\n"),
    "lines, all": ("k:  # c\n  - a\n  - b\nz: 1\n", [0, 1], "k: []  # c\nz: 1\n"),
    "dashes elsewhere": ("k:\n  - a-b  # - c\n  # - d\n  - - e\n    - f\n  - -\n", [1], "k:\n  - a-b  # - c\n  - -\n"),
    "an alias": ("a: &a {b: 1}\nk:\n  - *a\n  - c\n", [0], "a: &a {b: 1}\nk:\n  - c\n"),
    "text of several lines": ("k:\n  - |\n    # - x\n    y\n  - z\n", [0], "k:\n  - z\n"),
}


@pytest.mark.parametrize(("before", "items", "after"), REMOVED.values(), ids=REMOVED.keys())
def test_items_are_removed(before: str, items: list[int], after: str) -> None:
    assert edited(before, "x.yaml", [Change(("k",), item, None) for item in items]) == after


def test_items_are_replaced_beside_other_changes() -> None:
    text = "k:\n  - a\n  - b\nl: {m: 1, n: [x, y]}\n"
    changes = [
        Change(("k",), 0, None),
        Change(("k",), None, BOB),
        Change(("k",), 1, None),
        Change(("l", "n"), 0, None),
        Change(("l",), "m", "2"),
    ]
    assert edited(text, "x.yaml", changes) == "k:\n  - {user: bob, role: edit}\nl: {m: 2, n: [y]}\n"


PAY = {"pay": "pay:\n  # from the cluster\n  grants:\n    - {group: devs, role: edit}\n"}
LINES = "  pay:\n    # from the cluster\n    grants:\n      - {group: devs, role: edit}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("workspaces: {}\n", f"workspaces:\n{LINES}\n"),
        ("workspaces:\n", f"workspaces:\n{LINES}\n"),
        ("workspaces: {}  # none yet\nstacks: []\n", f"workspaces:\n{LINES}  # none yet\nstacks: []\n"),
        ("defaults: {}\n", f"defaults: {{}}\n\nworkspaces:\n{LINES}\n"),
        ("workspaces:\n  a: {}  # of a\n# end\n", f"workspaces:\n  a: {{}}  # of a\n{LINES}\n# end\n"),
        ("workspaces:\n  a: {}", f"workspaces:\n  a: {{}}\n{LINES}"),
        ("workspaces:\r\n  a: {}\r\n", f"workspaces:\n  a: {{}}\n{LINES}\n".replace("\n", "\r\n")),
    ],
)
@pytest.mark.usefixtures("either_parser")
def test_whole_entries_are_added(before: str, after: str) -> None:
    assert with_workspaces(before, "f.yaml", PAY) == after


def test_several_entries_keep_their_order_and_the_files_indentation() -> None:
    text = with_workspaces("workspaces:\n    a: {}\n", "f.yaml", {"b": "b:\n  adopt: true\n", "c": "c: {}\n"})
    assert text == "workspaces:\n    a: {}\n    b:\n      adopt: true\n    c: {}\n"


@pytest.mark.parametrize(
    "text",
    ["workspaces: {a: {}}\n", "x: &x {a: {}}\nworkspaces: *x\n", "workspaces: &all {}\nx: *all\n", "workspaces: 3\n"],
)
def test_entries_in_other_forms_are_refused(text: str) -> None:
    with pytest.raises(AmbientError, match="pay"):
        with_workspaces(text, "f.yaml", PAY)

"""Edits of a stack file's text: what changes, what stays to the byte, and what is refused."""

import pytest
import yaml

from ambient_components.errors import AmbientError
from ambient_components.stackfile.changes import Change
from ambient_components.stackfile.editing import edited, with_workspaces
from ambient_components.stackfile.yaml import nodes, reader


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions are the same by either: a machine may lack the one in C."""
    for module in (nodes, reader):
        monkeypatch.setattr(module, "_Loader", getattr(yaml, request.param))


def path(text: str) -> tuple[str, ...]:
    return tuple(text.split("."))


SET = {
    "block, comments and blank lines follow": (
        "k:\n  role: view\n\n  # end of k\n\n# z is\nz: 1\n",
        "k:\n  role: view\n  generation: 2\n\n  # end of k\n\n# z is\nz: 1\n",
    ),
    "block, deeply indented": ("k:\n      role: view\n", "k:\n      role: view\n      generation: 2\n"),
    "block, the last one is a list": (
        "k:\n  a:\n  - x\n  - y: 1\n    z: 2  # c\n",
        "k:\n  a:\n  - x\n  - y: 1\n    z: 2  # c\n  generation: 2\n",
    ),
    "block, the last one is a list with an empty item": (
        "k:\n  a:\n  - x\n  -  # nothing\nz: 1",
        "k:\n  a:\n  - x\n  -  # nothing\n  generation: 2\nz: 1",
    ),
    "block, the last one is a mapping": (
        "k:\n  a:\n    b: 1\n    # of b\nz: 1\n",
        "k:\n  a:\n    b: 1\n  generation: 2\n    # of b\nz: 1\n",
    ),
    "block, the last one has lines of braces": (
        "k:\n  a: {\n    b: 1,\n  }  # c\nz: 1\n",
        "k:\n  a: {\n    b: 1,\n  }  # c\n  generation: 2\nz: 1\n",
    ),
    "block, the last one is empty": (
        "k:\n  a:  # nothing\n\n# z\nz: 1\n",
        "k:\n  a:  # nothing\n  generation: 2\n\n# z\nz: 1\n",
    ),
    "block, the last one is an empty anchor": ("k:\n  a: &x # c\nz: 1\n", "k:\n  a: &x # c\n  generation: 2\nz: 1\n"),
    "block, the last one is an alias": (
        "x: &x 1\nk:\n  a: *x  # c\nz: 1\n",
        "x: &x 1\nk:\n  a: *x  # c\n  generation: 2\nz: 1\n",
    ),
    "block, text of several lines": (
        "k:\n  a: one\n    two  # c\n\nz: 1\n",
        "k:\n  a: one\n    two  # c\n  generation: 2\n\nz: 1\n",
    ),
    "block, quoted text of several lines": (
        "k:\n  a: 'one # no comment\n\n    two'  # c\nz: 1\n",
        "k:\n  a: 'one # no comment\n\n    two'  # c\n  generation: 2\nz: 1\n",
    ),
    "block, literal text": (
        "k:\n  a: |  # c\n    one\n    # text\n\n\n# z\nz: 1\n",
        "k:\n  a: |  # c\n    one\n    # text\n  generation: 2\n\n\n# z\nz: 1\n",
    ),
    "block, literal text that keeps its blank lines": (
        "k:\n  a: &x |+\n    one\n\n\nz: 1\n",
        "k:\n  a: &x |+\n    one\n\n\n  generation: 2\nz: 1\n",
    ),
    "block, folded text at the end of the file": ("k:\n  a: >-\n    one", "k:\n  a: >-\n    one\n  generation: 2"),
    "block, anchored and never used": ("k: &k  # c\n  role: view\n", "k: &k  # c\n  role: view\n  generation: 2\n"),
    "start and end of the document": (
        "--- # s\nk:\n  role: view\n...\n# e\n",
        "--- # s\nk:\n  role: view\n  generation: 2\n...\n# e\n",
    ),
    "byte order mark": ("\ufeffk: {a: ü}\n", "\ufeffk: {a: ü, generation: 2}\n"),
    "braces, a comma at the end": ("k: {role: view,}\n", "k: {role: view, generation: 2,}\n"),
    "braces, a comma at the end, spaces": ("k: {role: view , }\n", "k: {role: view, generation: 2 , }\n"),
    "braces, the last one is quoted": ('k: {"role":"}"}\n', 'k: {"role":"}", generation: 2}\n'),
    "braces, the last one is an alias": ("x: &x 1\nk: {a: *x }", "x: &x 1\nk: {a: *x, generation: 2 }"),
    "braces, the last one is a key alone": ("k: {a, b}", "k: {a, b, generation: 2}"),
    "braces, anchored": ("k: &k {a: 1}", "k: &k {a: 1, generation: 2}"),
    "braces, wrapped": ("k: {a: 1,\n    b: 2}  # c\n", "k: {a: 1,\n    b: 2, generation: 2}  # c\n"),
    "braces, wrapped, a comment": ("k: {a: 1 # c\n}\n", "k: {a: 1, generation: 2 # c\n}\n"),
    "lines in braces, a comma in a comment": (
        "k: {\n  a: 1  # x, y\n  # z,\n}\n",
        "k: {\n  a: 1,  # x, y\n  generation: 2\n  # z,\n}\n",
    ),
    "lines in braces, a comma at the end": ("k: {\n  a: 1,  # x\n}\n", "k: {\n  a: 1,  # x\n  generation: 2,\n}\n"),
    "lines in braces, a comma of its own": ("k: {\n  a: 1\n  ,\n}\n", "k: {\n  a: 1, generation: 2\n  ,\n}\n"),
    "empty braces with a space": ("k: { }\n", "k: { generation: 2 }\n"),
    "empty braces, anchored": ("k: &k {}\n", "k: &k {generation: 2}\n"),
    "empty braces with a comment": ("k: {  # none\n  }\n", "k: {  # none\n  generation: 2}\n"),
    "there already, quoted": ('k:\n  "generation" : "1"\n', 'k:\n  "generation" : 2\n'),
    "there already, empty": ("k:\n  generation:  # c\n  a: 1\n", "k:\n  generation: 2  # c\n  a: 1\n"),
    "there already, of several lines": (
        "k:\n  generation: |\n    1\n\n  a: 1\n",
        "k:\n  generation: 2\n\n  a: 1\n",
    ),
    "there already, with an anchor that nobody uses": ("k: {generation: &g 1}\n", "k: {generation: 2}\n"),
    "it has the value": ("k: {generation: 2}\n", "k: {generation: 2}\n"),
    "other lines end otherwise": ("z: 1\r\nk:\n  a: 1\nx: 1\r\n", "z: 1\r\nk:\n  a: 1\n  generation: 2\nx: 1\r\n"),
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
    "block, with all its lines": ("k:\n  ci:\n    a: [\n    1]\n    b: |\n     x\n\n  b: 1\n", "k:\n\n  b: 1\n"),
    "block, without one further up": (
        "k:\n  a: 1\n\n  # of all\n\n  # of ci\n  ci: {} # c\n  # of b\n  b: 1\n",
        "k:\n  a: 1\n\n  # of all\n\n  # of b\n  b: 1\n",
    ),
    "block, without one that is indented otherwise": (
        "k:\n  a: 1\n    # of a\n  ci: {}\n  b: 1\n",
        "k:\n  a: 1\n    # of a\n  b: 1\n",
    ),
    "block, with comments in it": (
        "k:\n  ci:\n    a: 1\n    # off\n\n    # too\n\n  # of b\n  b: 1\n",
        "k:\n\n  # of b\n  b: 1\n",
    ),
    "block, what is above is no comment": ("k:\n  a: 'x\n\n  # text'\n  ci: 1\n", "k:\n  a: 'x\n\n  # text'\n"),
    "block, the line above ends a text": ("k:\n  a: 'x\n  # text\n  '\n  ci: 1\n", "k:\n  a: 'x\n  # text\n  '\n"),
    "block, the only one": ("k:\n  ci: {}\nz: 1\n", "k: {}\nz: 1\n"),
    "block, the only one, comments": (
        "k:  # keys\n  # of all\n\n  # of ci\n  ci:  # c\n    a: 1\n\n  # end\nz: 1\n",
        "k: {}  # keys\n  # of all\n\n\n  # end\nz: 1\n",
    ),
    "block, the only one, anchored": ("k: &k  # c\n  ci: {}\n", "k: &k {}  # c\n"),
    "block, the only one, a quoted key": ('"k" :\n  ci: {}\n', '"k" : {}\n'),
    "block, the only one, Windows": ("k:\r\n  # of ci\r\n  ci: {}\r\nz: 1\r\n", "k: {}\r\nz: 1\r\n"),
    "an alias inside": ("x: &x 1\nk: {ci: {a: *x}, b: 1}\n", "x: &x 1\nk: {b: 1}\n"),
    "an anchor that is used inside only": ("k: {ci: {a: &x 1, b: *x}, b: 1}\n", "k: {b: 1}\n"),
    "start of the document": ("---\n# k\nk:\n  # ci\n  ci: 1\n", "---\n# k\nk: {}\n"),
    "byte order mark": ("\ufeffk: {ci: 1}\n", "\ufeffk: {}\n"),
    "braces, the last": ("k: { a: 1, ci: {a: 1} }  # c\n", "k: { a: 1 }  # c\n"),
    "braces, the last, a comma": ("k: {a: 1, ci: {a: 1},}\n", "k: {a: 1,}\n"),
    "braces, the only one": ("k: { ci: {a: 1} } # c\n", "k: {} # c\n"),
    "braces, the only one, anchored": ("k: &k {ci: 1,}\n", "k: &k {}\n"),
    "braces, the only one, lines": ("k: {\n  # of ci\n  ci: {a: 1},  # c\n}\n", "k: {}\n"),
    "braces, wrapped, the first": ("k: {ci: 1,\n    b: 1}\n", "k: {b: 1}\n"),
    "braces, wrapped, the first, a comment": (
        "k: {ci: 1,  # ci\n    # of b\n    b: 1}\n",
        "k: {\n    # of b\n    b: 1}\n",
    ),
    "braces, wrapped, the middle": ("k: {a: 1,\n    ci: 1,\n    b: 1}\n", "k: {a: 1,\n    b: 1}\n"),
    "braces, wrapped, the last": ("k: {a: 1,\n    ci: 1}\n", "k: {a: 1}\n"),
    "braces, wrapped, the last, a comment": ("k: {a: 1,  # of a\n    ci: 1}\n", "k: {a: 1,  # of a\n    }\n"),
    "lines in braces, a comma of its own": ("k: {\n  ci: 1\n  ,\n  b: 1\n}\n", "k: {\n  b: 1\n}\n"),
    "a key alone": ("k: {a, ci, b}\n", "k: {a, b}\n"),
}


@pytest.mark.usefixtures("either_parser")
@pytest.mark.parametrize(("before", "after"), REMOVE.values(), ids=REMOVE)
def test_removing(before: str, after: str) -> None:
    assert edited(before, "x.yaml", [Change(("k",), "ci", None)]) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# x\nci:\n  a: 1\nb: 1\n", "b: 1\n"),
        ("# x\n\nci:\n  a: 1\n# end\n", "# x\n\n{}\n# end\n"),
        ("ci: 1", "{}"),
        ("{ci: 1}\n", "{}\n"),
        ("---\r\nci: 1\r\n", "---\r\n{}\r\n"),
    ],
)
def test_removing_at_the_top(before: str, after: str) -> None:
    assert edited(before, "x.yaml", [Change((), "ci", None)]) == after


MANY = {
    "some of a block": ("k:\n  # a\n  a: 1\n  # b\n  b: 1\n  c: 1\n", "a b", "k:\n  c: 1\n"),
    "all of a block": ("k:\n  # a\n  a: 1\n\n  b: 1\n  c: 1\n", "a b c", "k: {}\n\n"),
    "some in braces": ("k: {a: 1, b: 1, c: 1, d: 1, e: 1}\n", "b c e", "k: {a: 1, d: 1}\n"),
    "the last in braces": ("k: {a: 1, b: 1, c: 1}\n", "b c", "k: {a: 1}\n"),
    "the first in braces": ("k: {a: 1, b: 1, c: 1}\n", "a b", "k: {c: 1}\n"),
    "all in braces": ("k: {a: 1, b: 1, c: 1}\n", "a b c", "k: {}\n"),
    "lines in braces": ("k: {\n  a: 1,\n  # b\n  b: 1,\n  c: 1,\n}\n", "a b", "k: {\n  c: 1,\n}\n"),
    "lines in braces, one shared": ("k: {a: 1,\n    b: 1,\n    c: 1}\n", "b c", "k: {a: 1}\n"),
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


REFUSED = {
    "no such entry": (
        "workspaces: {pay: {}}\n",
        "workspaces.lab",
        "x.yaml:1:13: workspaces.lab: is not in this file; name an entry that it has",
    ),
    "no such section": ("k: {}\n", "workspaces.lab", "x.yaml:1:1: workspaces: is not in this file; name an entry"),
    "text in place of a mapping": (
        "workspaces: {pay: x}\n",
        "workspaces.pay.keys.ci",
        "x.yaml:1:19: workspaces.pay.keys: is not in this file",
    ),
    "an alias": (
        "templates: {x: &x {protect: true}}\nworkspaces:\n  pay: *x\n",
        "workspaces.pay",
        "x.yaml:3:8: workspaces.pay: is an alias of another entry; write it out first, so that a change is its own",
    ),
    "under an alias": (
        "workspaces: {pay: {keys: &k {ci: {}}}, lab: {keys: *k}}\n",
        "workspaces.lab.keys.ci",
        "x.yaml:1:52: workspaces.lab.keys: is an alias of another entry",
    ),
    "an anchor in use": (
        "workspaces: {pay: &p {}, lab: *p}\n",
        "workspaces.pay",
        "x.yaml:1:19: workspaces.pay: has an anchor, and other entries are aliases of it; write those out first",
    ),
    "under an anchor in use": (
        "workspaces: {pay: {keys: &k {ci: {}}}, lab: {keys: *k}}\n",
        "workspaces.pay.keys.ci",
        "x.yaml:1:26: workspaces.pay.keys: has an anchor",
    ),
    "credentials are not quoted": (
        "workspaces: {pay: {}}\n",
        "workspaces.ghp_hunter2hunter2",
        "x.yaml:1:13: workspaces.…: is not in this file",
    ),
    "not YAML": ("k: {\n", "k.ci", "x.yaml:2:1: "),
    "a key twice": ("k: {ci: {}}\nk: {}\n", "k.ci", "x.yaml:2:1: k: 'k' is here twice"),
}


@pytest.mark.parametrize(("text", "entry", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(text: str, entry: str, message: str) -> None:
    for change in (Change(path(entry), "generation", "2"), Change(path(entry)[:-1], path(entry)[-1], None)):
        assert refusal(text, change).startswith(message)
        assert "hunter2" not in refusal(text, change)


def refusal(text: str, *changes: Change) -> str:
    with pytest.raises(AmbientError) as error:
        edited(text, "x.yaml", changes)
    return str(error.value)


def test_what_has_an_anchor_inside_that_others_use_stays() -> None:
    text = "workspaces: {pay: {labels: &l {a: b}}, lab: {labels: *l}}\n"
    assert refusal(text, Change(("workspaces",), "pay", None)).startswith(
        "x.yaml:1:14: workspaces.pay: has an anchor, and other entries are aliases of it"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workspaces: {protect: [1]}\n", "x.yaml:1:23: workspaces.protect: holds more than one value; write 2 by hand"),
        ("workspaces: {protect: &x 1, b: *x}\n", "x.yaml:1:23: workspaces.protect: has an anchor, and other"),
        ("workspaces: {b: &x 1, protect: *x}\n", "x.yaml:1:32: workspaces.protect: is an alias of another entry"),
        ("workspaces: 1\n", "x.yaml:1:13: workspaces: is not a mapping; write it as one, such as {}"),
    ],
)
def test_what_is_no_place_for_a_scalar(text: str, message: str) -> None:
    assert refusal(text, Change(("workspaces",), "protect", "2")).startswith(message)


def test_all_that_stands_in_the_way_is_said_at_once() -> None:
    message = refusal("x: &x {}\nk: {a: *x, b: *x}\n", Change(("k", "a"), "g", "2"), Change(("k", "b"), "g", "2"))
    assert [line.split(": ")[0] for line in message.splitlines()] == ["x.yaml:2:8", "x.yaml:2:15"]


@pytest.mark.parametrize(
    ("text", "field", "value", "by_hand"),
    [
        ("? templates\n: x: 1\n", "x", None, "remove templates.x"),
        ("templates: {a: x}\n", "b", "y, z", "write 'b: y, z' in templates"),
        # The text has no newline at its end as long as the file has none.
        ("templates:\n  a: |\n    x", "b", "1", "write 'b: 1' in templates"),
        ("templates: {a}\n", "a", "1", "write 'a: 1' in templates"),
    ],
)
def test_what_no_program_should_try(text: str, field: str, value: str | None, by_hand: str) -> None:
    assert refusal(text, Change(("templates",), field, value)) == (
        f"x.yaml: can't be edited by a program, the way it is written; by hand: {by_hand}"
    )


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
        (
            "workspaces:\n  pay:\n    adopt: true  # was\n  # of b\n  b: {}\n",
            f"workspaces:\n{LINES}  # was\n  # of b\n  b: {{}}\n",
        ),
        ("workspaces:\r\n  a: {}\r\n", f"workspaces:\n  a: {{}}\n{LINES}\n".replace("\n", "\r\n")),
    ],
)
@pytest.mark.usefixtures("either_parser")
def test_whole_entries_are_added_or_replaced(before: str, after: str) -> None:
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

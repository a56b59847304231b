"""Edits of made-up files in every style, and a second opinion on each: what is changed before it is written."""

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from ambient_components.stackfile.changes import Change
from ambient_components.stackfile.editing import edited
from ambient_components.stackfile.yaml.reader import parse_yaml

# Files in every style, and a second opinion on what an edit makes of them: the same file with the entry changed before
# it is written.


@dataclass(frozen=True)
class Item:
    """A field of a key."""

    name: str
    value: str
    above: tuple[str, ...] = ()
    trail: str = ""


@dataclass(frozen=True)
class Key:
    """An entry under `keys`, with the comments that are its own."""

    name: str
    style: str
    items: tuple[Item, ...]
    above: tuple[str, ...] = ()
    trail: str = ""
    comma: bool = False
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class File:
    """A stack of one workspace, between lines that are not to change."""

    keys: tuple[Key | str, ...]
    """Text is a comment, or a blank line, that belongs to nobody; a comment has a blank line behind it."""

    step: int = 2
    trail: str = ""
    ending: str = "\n"
    begin: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    braces: bool = False
    newline: bool = True

    def text(self) -> str:
        pad = " " * self.step
        entries = [key for key in self.keys if isinstance(key, Key)]
        lines = [*self.begin, "workspaces:", f"{pad}pay:", f"{pad * 2}description: 'é # 😀'  # ü"]
        if self.braces:
            inside = ", ".join(f"{key.name}: {in_braces(key)}" for key in entries)
            lines.append(f"{pad * 2}keys: {{{inside}}}{self.trail}")
        else:
            lines.append(f"{pad * 2}keys:{'' if entries else ' {}'}{self.trail}")
            for key in self.keys:
                lines += key_lines(key, pad * 3, pad) if isinstance(key, Key) else [key and pad * 3 + key]
        lines += [line and pad * 2 + line for line in self.rest]
        return self.ending.join(lines) + (self.ending if self.newline or self.rest[-1:] == ("",) else "")


def in_braces(key: Key) -> str:
    return "{" + ", ".join(f"{item.name}: {item.value}" for item in key.items) + "}"


def key_lines(key: Key, indentation: str, pad: str) -> list[str]:
    lines = [f"{indentation}{comment}" for comment in key.above]
    if key.style == "line" or not key.items:
        lines.append(f"{indentation}{key.name}: {in_braces(key)}{key.trail}")
    elif key.style == "block":
        lines.append(f"{indentation}{key.name}:{key.trail}")
        for item in key.items:
            lines += [f"{indentation}{pad}{comment}" for comment in item.above]
            lines.append(f"{indentation}{pad}{item.name}: {item.value}{item.trail}")
    else:
        lines.append(f"{indentation}{key.name}: {{{key.trail}")
        for index, item in enumerate(key.items):
            comma = "," if key.comma or index < len(key.items) - 1 else ""
            lines += [f"{indentation}{pad}{comment}" for comment in item.above]
            lines.append(f"{indentation}{pad}{item.name}: {item.value}{comma}{item.trail}")
        lines.append(f"{indentation}}}")
    return lines + [f"{indentation}{pad}{comment}" for comment in key.below]


COMMENTS = st.sampled_from(["# why", "#", "# é 日本 😀", "# a: {b}, 'c'", "#\ttabs\t", "# - x, y"])
TRAILS = st.just("") | st.builds("{}{}".format, st.sampled_from([" ", "  ", "\t"]), COMMENTS)
ABOVE = st.lists(COMMENTS, max_size=2).map(tuple)
VALUES = st.sampled_from(["view", "'it''s # {x}, é'", '"\\u00e9: }"', "30d", "[a, {b: 1}]", "{c: 'ü'}", "1", "-1.5e3"])
NAMES = ["ci", "'cd'", '"nightly"', "é", "c-i", "x"]
FIELDS = ["role", "lifetime", "'name'", '"description"', "generation", "overlapUntil"]
ITEMS = st.lists(
    st.builds(Item, st.sampled_from(FIELDS), VALUES, ABOVE, TRAILS), max_size=4, unique_by=lambda item: item.name
).map(tuple)
KEYS = st.builds(
    Key,
    st.sampled_from(NAMES),
    st.sampled_from(["block", "line", "lines"]),
    ITEMS,
    ABOVE,
    TRAILS,
    st.booleans(),
    ABOVE,
)


@st.composite
def files(draw: st.DrawFn) -> File:
    """A file with at least one key."""
    keys = draw(st.lists(KEYS, min_size=1, max_size=4, unique_by=lambda key: key.name))
    braces = draw(st.booleans())
    entries: list[Key | str] = []
    for key in keys:
        # Between keys: nothing, a blank line, or a comment with a blank line behind it.
        entries += draw(st.sampled_from([[], [""], ["", "# of all", ""]]))
        entries.append(key)
    return File(
        tuple(keys if braces else entries),
        step=draw(st.sampled_from([2, 4])),
        trail=draw(TRAILS),
        ending=draw(st.sampled_from(["\n", "\r\n"])),
        begin=draw(st.sampled_from([(), ("---",), ("# ü", ""), ("other: |", "  x", "", "# y")])),
        rest=draw(st.sampled_from([(), ("",), ("", "# of labels", "labels: {a: b}"), ("protect: true  # c",)])),
        braces=braces,
        newline=draw(st.booleans()),
    )


def plain(name: str) -> str:
    return name.strip("'\"")


@given(files(), st.data())
def test_a_field_that_is_set_is_the_whole_difference(file: File, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([key for key in file.keys if isinstance(key, Key)]))
    name = data.draw(st.sampled_from(["generation", "overlapUntil", "role"]))
    value = data.draw(st.sampled_from(["7", "2026-12-31", "'x # y'"]))
    there = [item for item in key.items if item.name == name]
    if there and there[0].value[0] in "[{":
        return
    items = tuple(replace(item, value=value) if item in there else item for item in key.items)
    changed = replace(key, items=items if there else (*items, Item(name, value)))
    expected = replace(file, keys=tuple(changed if item is key else item for item in file.keys)).text()
    if not key.items and not file.braces and key.style != "line":
        # Nobody writes an empty block: it was {} and gets its first field in the braces.
        expected = replace(
            file, keys=tuple(replace(changed, style="line") if item is key else item for item in file.keys)
        ).text()
    entry = ("workspaces", "pay", "keys", plain(key.name))
    after = edited(file.text(), "x.yaml", [Change(entry, name, value)])
    assert after == expected
    found = parse_yaml(after, "x.yaml").data
    for part in (*entry, name):
        found = found[part]
    assert found == {"7": 7, "'x # y'": "x # y"}.get(value, value)


@given(files(), st.data())
def test_a_key_that_is_removed_is_the_whole_difference(file: File, data: st.DataObject) -> None:
    keys = [key for key in file.keys if isinstance(key, Key)]
    gone = data.draw(st.lists(st.sampled_from(keys), min_size=1, unique_by=lambda key: key.name))
    after = edited(
        file.text(), "x.yaml", [Change(("workspaces", "pay", "keys"), plain(key.name), None) for key in gone]
    )
    expected = replace(file, keys=tuple(item for item in file.keys if item not in gone))
    last = file.keys[-1] in gone and not file.rest and not file.braces
    # The last lines of a file take its end with them, and leave the newline of the line before.
    assert after == (replace(expected, newline=True) if last else expected).text()
    found = parse_yaml(after, "x.yaml").data["workspaces"]
    assert isinstance(found, dict)
    assert list(found["pay"]["keys"]) == [plain(key.name) for key in keys if key not in gone]


@given(files(), st.data())
def test_a_key_set_and_set_back_is_the_file_as_it_was(file: File, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([key for key in file.keys if isinstance(key, Key)]))
    entry = ("workspaces", "pay", "keys", plain(key.name))
    once = edited(file.text(), "x.yaml", [Change(entry, "someField", "1")])
    again = edited(once, "x.yaml", [Change(entry, "someField", "2")])
    assert len(again.splitlines()) == len(once.splitlines())
    back = edited(again, "x.yaml", [Change(entry, "someField", None)])
    before, left = file.text().splitlines(keepends=True), back.splitlines(keepends=True)
    # A comma that was added between lines in braces may stay, and so may a newline at the end.
    assert [line.replace(",", "").rstrip("\r\n") for line in left] == [
        line.replace(",", "").rstrip("\r\n") for line in before
    ]

"""Merging of all files of a stack into one document.

Workspaces and templates of all files are combined, and a name in two files is an error: the reviewers of a file must
see the complete entry. Defaults are merged in the order of the files, the including file last. Sections that affect the
workspaces of all files are allowed in an included file only if the including file grants them.
"""

from collections.abc import Sequence
from typing import Any, Final

from ambient_components.errors import PathPart, Problems, Where
from ambient_components.model.stack import Section, StackFile
from ambient_components.stackfile.includes import SourceFile
from ambient_components.stackfile.layers import DEFAULTS, RULES, Tree, merge
from ambient_components.stackfile.messages import explain, meant_fields
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.yaml.positions import MappingMarks, SourceMap

NAMED: Final = ("workspaces", "templates")
"""Sections with named entries, each in one file only."""


def merge_files(files: Sequence[SourceFile], problems: Problems, *, complete: bool = True) -> Tree:
    """Return the merged files, in the form of one stack file.

    Args:
        files: Files in order of precedence; the stack file is last, and only its `include` is kept.
        problems: Receives unknown sections, sections that are not mappings, and names in two files.
        complete: Whether all files could be read; otherwise missing content may be in an unreadable file.
    """
    known = {field.alias or name for name, field in StackFile.model_fields.items()}
    data: dict[str, Any] = {}
    marks = MappingMarks(files[-1].tree.marks.start)
    misspelled = False
    for file in files:
        for section, value in file.tree.data.items():
            if section not in known:
                _refuse(file, (section,), "extra_forbidden", problems)
                misspelled |= ("workspaces",) in meant_fields((section,))
                continue
            if file is not files[-1] and section != "workspaces" and section not in file.sections:
                _refuse_ungranted(file, section, problems)
                if section == "stacks":
                    continue  # it would make this stack a list of stacks
            if section in (*NAMED, DEFAULTS):
                if isinstance(value, dict):
                    _take(file, section, Tree(data, marks), problems)
                else:
                    _refuse(file, (section,), "dict_type", problems)
                    data.setdefault(section, {})  # present, so that it is not reported as missing
            elif file is files[-1] or section != "include":
                _put(Tree(data, marks), section, file.tree)
    if misspelled or not complete:
        data.setdefault("workspaces", {})
    return Tree(data, marks)


def _refuse_ungranted(file: SourceFile, section: str, problems: Problems) -> None:
    """Report a section that affects other files, in a file that may only contain workspaces."""
    remedy = "move it into the file that includes this one"
    if section in {*Section}:
        remedy += f", or grant it there: include: [{{path: PATH, sections: [{section}]}}]"
    where = SourceMap(file.tree.marks).key((section,))
    problems.add(where, public_path((section,)), "an included file holds workspaces alone", remedy)


def _take(file: SourceFile, section: str, merged: Tree, problems: Problems) -> None:
    new = Tree(file.tree.data[section], file.tree.marks.values[section])
    if section not in merged.marks.values:
        _put(merged, section, file.tree)
        if section in NAMED:  # copied, because entries of other files are added and the file itself must not change
            merged.data[section], merged.marks.values[section] = _copy(new)
        return
    old = Tree(merged.data[section], merged.marks.values[section])
    if section == DEFAULTS:
        merged.data[section], merged.marks.values[section] = merge(old, new, RULES)
        return
    for name in new.data:
        if name in old.data:
            where, other = Where(*new.marks.keys[name]), Where(*old.marks.keys[name])
            remedy = "keep one of them: an entry is in one file"
            path = public_path((section, name))
            problems.add(where, path, f"{name!r} is in two files, here and at {other}", remedy)
        else:
            _put(old, name, new)


def _copy(tree: Tree) -> Tree:
    marks = tree.marks
    return Tree(dict(tree.data), MappingMarks(marks.start, dict(marks.keys), dict(marks.values)))


def _put(into: Tree, key: str, source: Tree) -> None:
    into.data[key] = source.data[key]
    into.marks.keys[key] = source.marks.keys[key]
    into.marks.values[key] = source.marks.values[key]


def _refuse(file: SourceFile, path: tuple[PathPart, ...], kind: str, problems: Problems) -> None:
    """Report what the models would refuse, with the same message; they only see the merged document."""
    sources = SourceMap(file.tree.marks)
    where = sources.key(path) if kind == "extra_forbidden" else sources.value(path)
    problem, remedy = explain({"type": kind, "loc": path, "msg": "", "input": None}, file.tree.data)
    problems.add(where, public_path(path), problem, remedy)

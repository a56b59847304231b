"""One document of all files of a stack.

Workspaces and templates of all files stand side by side, and one name in two files is an error: who reviews a file must
see all of an entry. Defaults are laid over each other in the order of the files: the including file comes last.
What has effect on the workspaces of every file, an included file holds only where the including file grants it.
"""

from collections.abc import Sequence
from typing import Any, Final

from ambient_components.errors import PathPart, Problems, Where
from ambient_components.spec.includes import SourceFile
from ambient_components.spec.layers import DEFAULTS, RULES, Tree, merge
from ambient_components.spec.marks import MappingMarks, SourceMap
from ambient_components.spec.messages import explain, meant_fields
from ambient_components.spec.models import Section, StackFile
from ambient_components.spec.privacy import public_path

NAMED: Final = ("workspaces", "templates")
"""Sections whose entries have names, each in one file only."""


def unite(files: Sequence[SourceFile], problems: Problems, *, complete: bool = True) -> Tree:
    """Return what the files say together, in the shape of one stack file.

    Args:
        files: In the order in which they count; the stack file is the last, and what it includes stands for it alone.
        problems: Takes what can't be united: unknown sections, sections that are no mappings, names in two files.
        complete: Whether all files could be read; else what is missing may be in one that couldn't.
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
                    data.setdefault(section, {})  # it is there, so it isn't reported as missing
            elif file is files[-1] or section != "include":
                _put(Tree(data, marks), section, file.tree)
    if misspelled or not complete:
        data.setdefault("workspaces", {})
    return Tree(data, marks)


def _refuse_ungranted(file: SourceFile, section: str, problems: Problems) -> None:
    """Report a section that has effect on other files, in a file that was included for its workspaces."""
    remedy = "move it into the file that includes this one"
    if section in {*Section}:
        remedy += f", or grant it there: include: [{{path: PATH, sections: [{section}]}}]"
    where = SourceMap(file.tree.marks).key((section,))
    problems.add(where, public_path((section,)), "an included file holds workspaces alone", remedy)


def _take(file: SourceFile, section: str, united: Tree, problems: Problems) -> None:
    new = Tree(file.tree.data[section], file.tree.marks.values[section])
    if section not in united.marks.values:
        _put(united, section, file.tree)
        if section in NAMED:  # entries of other files come beside its own, and the file itself stays as it is
            united.data[section], united.marks.values[section] = _copy(new)
        return
    old = Tree(united.data[section], united.marks.values[section])
    if section == DEFAULTS:
        united.data[section], united.marks.values[section] = merge(old, new, RULES)
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
    """Report what the models would refuse in the same words; they see one document and would see one of several."""
    sources = SourceMap(file.tree.marks)
    where = sources.key(path) if kind == "extra_forbidden" else sources.value(path)
    problem, remedy = explain({"type": kind, "loc": path, "msg": "", "input": None}, file.tree.data)
    problems.add(where, public_path(path), problem, remedy)

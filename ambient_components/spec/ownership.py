"""Whose review a change needs: two versions of a stack in, the workspaces that differ and their reviewers out.

A change is what it comes to, not where it is written: a default, a template, an included file or a time zone touches
every workspace that it changes the effect of, and a comment touches none. Who was named *before* the change has to
approve it, so that nobody makes himself the reviewer of his own change; who is named by the change comes on top.
"""

import hashlib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from ambient_components.errors import AmbientError
from ambient_components.spec.files import Files
from ambient_components.spec.loader import LoadedStack
from ambient_components.spec.models import StackFile, Workspace
from ambient_components.subjects import Subject

REVIEWERS: Final = "reviewers"
"""The field that says who approves."""

SHARD: Final = "shard"
"""The field that says where a workspace is kept: it changes nothing in the workspace, and is a matter of the stack."""

_UNORDERED: Final = frozenset({"owners", REVIEWERS, "grants", "allow"})
"""Lists of which the order means nothing."""

_OF_WORKSPACES: Final = frozenset({"include", "defaults", "templates", "workspaces"})
"""Fields of a stack that mean nothing but what they come to in its workspaces."""


@dataclass(frozen=True, slots=True)
class Version:
    """A stack at one moment."""

    stack: LoadedStack
    files: Files
    """Where it was read from: what a CA bundle holds is part of what a workspace comes to."""


class How(StrEnum):
    """What a change does to a workspace, or to a stack."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


class Because(StrEnum):
    """Why these have to approve."""

    BEFORE = "before"
    """They were named before the change."""

    STACK = "stack"
    """Nobody was named for the workspace before; these were for the stack."""

    AFTER = "after"
    """The change names them."""


@dataclass(frozen=True, slots=True)
class Need:
    """One approval."""

    one_of: tuple[str, ...]
    """Subjects, sorted; the approval of one of them is enough."""

    because: Because


@dataclass(frozen=True, slots=True)
class Touched:
    """A workspace that a change touches, or the stack as a whole."""

    stack: str
    workspace: str | None
    """None: what holds for the whole stack."""

    how: How
    fields: tuple[str, ...]
    """Those that differ, as the file spells them; none where the whole entry is new or gone."""

    needs: tuple[Need, ...]
    """Approvals, every one of them."""

    @property
    def guarded(self) -> bool:
        """Whether somebody has to approve who was named before the change."""
        return any(need.because is not Because.AFTER for need in self.needs)


def touched(stack: str, before: Version | None, after: Version | None) -> list[Touched]:
    """Return what a change touches: the whole stack first, then workspaces by name.

    Args:
        stack: Its name.
        before: The stack before the change; None if there was none.
        after: The stack after it; None if there is none.
    """
    old, new = _workspaces(before), _workspaces(after)
    found = _whole(stack, before, after)
    for name in sorted({*old, *new}):
        if name not in new:
            found.append(Touched(stack, name, How.REMOVED, (), _needs(before, old[name], None)))
        elif name not in old:
            found.append(Touched(stack, name, How.NEW, (), _needs(before, None, new[name])))
        elif before is not None and after is not None:
            fields = _differing(_entry(before, name), _entry(after, name), Workspace)
            if fields:
                found.append(Touched(stack, name, How.CHANGED, fields, _needs(before, old[name], new[name])))
    return found


def reviewers_of(stack: StackFile, workspace: str) -> tuple[str, ...]:
    """Return who approves changes of a workspace, sorted: those it names, or else those of the stack's defaults."""
    return _named(stack.workspaces[workspace]) or reviewers_of_stack(stack)


def reviewers_of_stack(stack: StackFile) -> tuple[str, ...]:
    """Return who approves changes of what holds for the whole stack, sorted: the reviewers of its defaults."""
    return _subjects(stack.defaults.reviewers)


def bundle_of(version: Version, workspace: str) -> str | None:
    """Return the path of the CA bundle of a workspace, from where the stack file was named."""
    bundle = version.stack.file.workspaces[workspace].settings.ca_bundle
    if bundle is None:
        return None
    return posixpath.relpath(version.stack.project.at(bundle.file), version.files.absolute("."))


def _workspaces(version: Version | None) -> Mapping[str, Workspace]:
    return version.stack.file.workspaces if version else {}


def _named(workspace: Workspace) -> tuple[str, ...]:
    return _subjects(workspace.reviewers)


def _subjects(reviewers: Iterable[Subject]) -> tuple[str, ...]:
    return tuple(sorted(map(str, reviewers)))


def _needs(version: Version | None, before: Workspace | None, after: Workspace | None) -> tuple[Need, ...]:
    """Approvals for one workspace of a stack that was in this version."""
    old = _named(before) if before else ()
    new = _named(after) if after else ()
    guards = [Need(old, Because.BEFORE)] if old else _guards(version)
    # A new list of reviewers is agreed to by one of them.
    return (*guards, *([Need(new, Because.AFTER)] if new and all(new != need.one_of for need in guards) else ()))


def _guards(version: Version | None) -> list[Need]:
    named = reviewers_of_stack(version.stack.file) if version else ()
    return [Need(named, Because.STACK)] if named else []


def _whole(stack: str, before: Version | None, after: Version | None) -> list[Touched]:
    """The stack as a whole, if it is touched."""
    old, new = (reviewers_of_stack(version.stack.file) if version else () for version in (before, after))
    named = [Need(new, Because.AFTER)] if new and new != old else []
    if before is None or after is None:
        how = How.NEW if before is None else How.REMOVED
        return [Touched(stack, None, how, (), (*_everybody(before, old), *named))]
    fields = _differing(_stack_fields(before), _stack_fields(after), StackFile)
    if old != new:
        fields = (*fields, f"defaults.{REVIEWERS}")
    of_stack = [Need(old, Because.BEFORE)] if old else []
    guards = _everybody(before, old) if fields else of_stack
    if _pins(before, after) != _pins(after, before):
        fields = (*fields, f"workspaces.{SHARD}")
    return [Touched(stack, None, How.CHANGED, fields, (*guards, *named))] if fields else []


def _pins(version: Version, other: Version) -> dict[str, int | None]:
    """Where the workspaces of both versions are kept."""
    kept = _workspaces(version)
    return {name: kept[name].shard for name in sorted(kept.keys() & _workspaces(other).keys())}


def _everybody(version: Version | None, of_stack: tuple[str, ...]) -> list[Need]:
    """Those of the stack, or else those of each workspace: what holds for all must not change behind all backs."""
    if of_stack:
        return [Need(of_stack, Because.BEFORE)]
    named = sorted({_named(workspace) for workspace in _workspaces(version).values()})
    return [Need(one, Because.BEFORE) for one in named if one]


def _stack_fields(version: Version) -> dict[str, Any]:
    fields = version.stack.file.model_dump(exclude=set(_OF_WORKSPACES))
    # What an included file may hold is decided for all of them, whether it holds it yet or not.
    granting = {one.path: sorted(one.sections) for one in version.stack.file.include if one.sections}
    return {**fields, "include": granting}


def _entry(version: Version, name: str) -> dict[str, Any]:
    """What a workspace comes to, in a form in which equal means that a run would do the same."""
    zone, dump = version.stack.file.timezone, version.stack.file.workspaces[name].model_dump(exclude={SHARD})
    plain = {field: _plain(value, zone) for field, value in dump.items()}
    plain["settings"] = (plain["settings"], _bundle(version, name))
    return plain


def _plain(value: Any, zone: ZoneInfo) -> Any:
    """A value in which a day is the moment at which it begins in its time zone."""
    if isinstance(value, Mapping):
        return {key: _plain(item, zone) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, zone) for item in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value


def _bundle(version: Version, name: str) -> str | None:
    """A digest of the CA bundle that a workspace names."""
    path = bundle_of(version, name)
    if path is None:
        return None
    try:
        return hashlib.sha256(version.files.read(path, version.stack.project.root).encode()).hexdigest()
    except AmbientError:
        return "unreadable"


def _differing(
    before: Mapping[str, Any], after: Mapping[str, Any], model: type[StackFile | Workspace]
) -> tuple[str, ...]:
    fields = model.model_fields
    return tuple(
        fields[name].alias or name for name in before if _canonical(name, before[name]) != _canonical(name, after[name])
    )


def _canonical(name: str, value: Any) -> Any:
    return sorted(value, key=repr) if name in _UNORDERED and isinstance(value, list) else value

"""Required reviews of a change: the changed workspaces between two versions of a stack, with their reviewers.

A change is defined by its effect, not by its location: a default, a template, an included file or a time zone touches
every workspace that it affects, and a comment touches none. The reviewers from *before* the change must approve it, so
that no author can become the reviewer of their own change; new reviewers must approve in addition.
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
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.platform.subjects import Subject
from ambient_components.stackfile.files import Files
from ambient_components.stackfile.loader import LoadedStack

REVIEWERS: Final = "reviewers"

SHARD: Final = "shard"
"""Field with the shard: it does not affect the workspace itself, so it counts as a change of the stack."""

_UNORDERED: Final = frozenset({"owners", REVIEWERS, "grants", "exceptions", "acknowledge"})
"""Lists without a meaningful order."""

_OF_WORKSPACES: Final = frozenset({"include", "defaults", "templates", "workspaces"})
"""Fields of a stack that only affect its workspaces."""


@dataclass(frozen=True, slots=True)
class Version:
    stack: LoadedStack
    files: Files
    """Source of the files, because the content of CA bundles counts too."""


class How(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


class Because(StrEnum):
    BEFORE = "before"
    """Named before the change."""

    STACK = "stack"
    """Reviewers of the stack, because none were named for the workspace before."""

    AFTER = "after"
    """Named by the change."""


@dataclass(frozen=True, slots=True)
class Need:
    one_of: tuple[str, ...]
    """Subjects, sorted; the approval of one of them is enough."""

    because: Because


@dataclass(frozen=True, slots=True)
class Touched:
    stack: str
    workspace: str | None
    """Name of the workspace; None for the whole stack."""

    how: How
    fields: tuple[str, ...]
    """Changed fields by their names in the file; empty for a new or removed entry."""

    needs: tuple[Need, ...]
    """Required approvals, all of them."""

    @property
    def guarded(self) -> bool:
        """Whether a reviewer from before the change must approve."""
        return any(need.because is not Because.AFTER for need in self.needs)


def touched(stack: str, before: Version | None, after: Version | None) -> list[Touched]:
    """Return what a change touches: the whole stack first, then workspaces by name."""
    old, new = _workspaces(before), _workspaces(after)
    changes = _whole(stack, before, after)
    for name in sorted({*old, *new}):
        if name not in new:
            changes.append(Touched(stack, name, How.REMOVED, (), _needs(before, old[name], None)))
        elif name not in old:
            changes.append(Touched(stack, name, How.NEW, (), _needs(before, None, new[name])))
        elif before is not None and after is not None:
            fields = _differing(_entry(before, name), _entry(after, name), Workspace)
            if fields:
                changes.append(Touched(stack, name, How.CHANGED, fields, _needs(before, old[name], new[name])))
    return changes


def reviewers_of(stack: StackFile, workspace: str) -> tuple[str, ...]:
    """Return the reviewers of a workspace, sorted: its own, or else those of the stack's defaults."""
    return _named(stack.workspaces[workspace]) or reviewers_of_stack(stack)


def reviewers_of_stack(stack: StackFile) -> tuple[str, ...]:
    """Return the reviewers of the whole stack, sorted: those of its defaults."""
    return _subjects(stack.defaults.reviewers)


def bundle_of(version: Version, workspace: str) -> str | None:
    """Return the path of a workspace's CA bundle, relative to the working directory of the version."""
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
    old = _named(before) if before else ()
    new = _named(after) if after else ()
    guards = [Need(old, Because.BEFORE)] if old else _guards(version)
    # One of the new reviewers must agree to be one.
    return (*guards, *([Need(new, Because.AFTER)] if new and all(new != need.one_of for need in guards) else ()))


def _guards(version: Version | None) -> list[Need]:
    named = reviewers_of_stack(version.stack.file) if version else ()
    return [Need(named, Because.STACK)] if named else []


def _whole(stack: str, before: Version | None, after: Version | None) -> list[Touched]:
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
    """Return the shards of the workspaces that exist in both versions."""
    kept = _workspaces(version)
    return {name: kept[name].shard for name in sorted(kept.keys() & _workspaces(other).keys())}


def _everybody(version: Version | None, of_stack: tuple[str, ...]) -> list[Need]:
    """Return approvals by the stack's reviewers, or else by those of each workspace, because all are affected."""
    if of_stack:
        return [Need(of_stack, Because.BEFORE)]
    named = sorted({_named(workspace) for workspace in _workspaces(version).values()})
    return [Need(reviewers, Because.BEFORE) for reviewers in named if reviewers]


def _stack_fields(version: Version) -> dict[str, Any]:
    fields = version.stack.file.model_dump(exclude=set(_OF_WORKSPACES))
    # Grants of sections are decided in the including file, whether the included file uses them yet or not.
    granting = {
        included.path: sorted(included.sections) for included in version.stack.file.include if included.sections
    }
    return {**fields, "include": granting}


def _entry(version: Version, name: str) -> dict[str, Any]:
    zone, dump = version.stack.file.timezone, version.stack.file.workspaces[name].model_dump(exclude={SHARD})
    plain = {field: _plain(value, zone) for field, value in dump.items()}
    plain["settings"] = (plain["settings"], _bundle(version, name))
    return plain


def _plain(value: Any, zone: ZoneInfo) -> Any:
    """Return a value with days converted to the time at which they start in the time zone."""
    if isinstance(value, Mapping):
        return {key: _plain(item, zone) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, zone) for item in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value


def _bundle(version: Version, name: str) -> str | None:
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

"""The edits of stack files for adding or revoking grants.

Nothing is written here. The functions return the new texts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from ambient_components.cli.edits.files import edited_texts, of_workspace
from ambient_components.cli.grants.written import Period, Written, dates_of, described
from ambient_components.cli.options import misuse
from ambient_components.errors import AmbientError, Problem, Problems, format_path
from ambient_components.model.dates import written as written_date
from ambient_components.model.grants import Grant
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.editing import Change, in_braces, scalar
from ambient_components.stackfile.layers import BUILT_IN, WORKSPACE
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.suggest import some

_GRANTS: Final = "grants"


def check_workspaces(stack: LoadedStack, names: Collection[str]) -> None:
    """Refuse workspaces that the stack does not have, or that it released."""
    released = "is released: this stack changes nothing in it"
    hint = "change its access in the platform's UI or with kubectl, or write state: active first"
    entries = {name: stack.file.workspaces.get(name) for name in names}
    problems = [
        of_workspace(stack, name, released, hint)
        for name, entry in entries.items()
        if entry is None or entry.state is WorkspaceState.RELEASED
    ]
    if problems:
        raise AmbientError(problems)


def revocation(stack: LoadedStack, grants: Iterable[Written]) -> dict[str, str]:
    """Return the new texts by file, without the grants."""
    own, problems = list[Change](), Problems()
    for entry in grants:
        if entry.is_own and entry.origin.where is not None:
            own.append(Change(entry.path, entry.index, None))
        else:
            problems.extend([_inherited(stack, entry)])
    try:
        texts = edited_texts(stack, own)
    except AmbientError as error:
        problems.extend(error.problems)
    problems.raise_if_any()
    return texts


def addition(stack: LoadedStack, workspace: str, grant: Grant) -> dict[str, str]:
    """Return the new text by file, with one more grant."""
    path = ("workspaces", workspace, _GRANTS)
    origin = stack.origin(path)
    fields = _fields(grant)
    if origin.layer == WORKSPACE:
        return edited_texts(stack, [Change(path, None, fields)])
    inherited = stack.file.workspaces[workspace].grants
    if origin.layer != BUILT_IN and inherited:
        listed = ", ".join(in_braces(_fields(item)) for item in (*inherited, grant))
        where = origin.where
        problem = f"has no grants of its own, and those of {origin.layer} would end with the first one"
        hint = f"write the whole list into workspaces.{workspace}: grants: [{listed}]"
        raise AmbientError([Problem(where, format_path(path), problem, (hint,))])
    return edited_texts(stack, [Change(path[:-1], _GRANTS, f"[{in_braces(fields)}]")])


def new_end(stack: LoadedStack, entry: Written, until: date) -> dict[str, str]:
    """Return the new text by file, with another last day of a grant."""
    if not entry.is_own:
        raise AmbientError([_inherited(stack, entry, "write until there by hand: that ends it")])
    return edited_texts(stack, [Change(entry.item, "until", written_date(until))])


def to_end(entries: Iterable[Written], grant: Grant | None, name: str) -> Written | None:
    """Return the grant of a subject that gets another end.

    Args:
        grant: The requested grant; None if no role was given.

    Returns:
        The one with the requested role and start, if given; of several the one that is valid now. None if there is
        none.
    """
    open_ = [entry for entry in entries if entry.period is not Period.OVER]
    if grant is None:
        if len(open_) > 1:
            roles = [f"{entry.role}{dates_of(entry.from_, entry.until)}" for entry in open_]
            misuse("--role", f"which role? {name} has {', '.join(roles)}")
        return open_[0] if open_ else None
    same = [entry for entry in open_ if entry.role == grant.role and grant.from_ in (None, entry.from_)]
    valid = [entry for entry in same if entry.period is Period.NOW] or same
    return valid[0] if len(valid) == 1 else None


def existing(stack: LoadedStack, name: str, entries: Iterable[Written], grant: Grant) -> Written | None:
    """Return the entry that gives exactly this grant already."""
    zone = stack.file.timezone
    for entry in entries:
        other = stack.file.workspaces[entry.workspace].grants[entry.index]
        if (other.role, other.from_, other.until) == (grant.role, grant.from_, grant.until):
            return entry
        if other.span(zone).meets(grant.span(zone)):
            dates = dates_of(other.from_, other.until)
            problem = f"{entry.subject} has a grant already: {other.role}{dates}"
            hints = (
                "edit that line",
                f"or revoke it first: ambient grants revoke {name} {entry.subject} {entry.workspace}",
            )
            raise AmbientError([Problem(entry.origin.where, format_path(entry.item), problem, hints)])
    return None


def removal_lines(grants: Iterable[Written]) -> list[str]:
    return [f"{entry.place}: {entry.workspace}: {described(entry)}: removed" for entry in grants]


def _fields(grant: Grant) -> Mapping[str, str]:
    subject: Subject = grant.subject
    fields = {"user" if subject.kind is SubjectKind.USER else "group": scalar(subject.name), "role": grant.role.value}
    if grant.from_ is not None:
        fields["from"] = written_date(grant.from_)
    if grant.until is not None:
        fields["until"] = written_date(grant.until)
    return fields


def _inherited(stack: LoadedStack, entry: Written, by_hand: str = "remove it there by hand: that ends it") -> Problem:
    """Return the refusal to edit what other workspaces use too."""
    workspaces = stack.file.workspaces
    path = stack.provenance.written(entry.path)
    users = [name for name in workspaces if stack.provenance.written((*entry.path[:1], name, *entry.path[2:])) == path]
    left = _entries(stack, entry)
    return Problem(
        entry.origin.where,
        format_path(stack.provenance.written(entry.item)),
        f"{entry.subject} has {entry.role} in {entry.workspace} by {entry.origin.layer}, "
        "which this command does not edit",
        (
            f"{by_hand} in {some(users)}",
            f"or give {entry.workspace} its own list, without it: {entry.path[-1]}: [{', '.join(left)}]",
        ),
    )


def _entries(stack: LoadedStack, without: Written) -> Sequence[str]:
    """Return the YAML of a list's items without those of one subject."""
    workspace = stack.file.workspaces[without.workspace]
    if without.path[-1] == _GRANTS:
        return [in_braces(_fields(item)) for item in workspace.grants if item.subject != without.subject]
    return [scalar(str(item)) for item in workspace.owners if item != without.subject]

"""The edits of stack files for revoking grants.

Nothing is written here. The functions return the new texts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from ambient_components.cli.edits.files import edited_texts, of_workspace
from ambient_components.cli.grants.written import Written, described
from ambient_components.errors import AmbientError, Problem, Problems, format_path
from ambient_components.model.dates import written as written_date
from ambient_components.model.grants import Grant, subject_fields
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.editing import Change, in_braces, scalar
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stackfile.yaml.dumping import one_line
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


def removal_lines(grants: Iterable[Written]) -> list[str]:
    return [f"{entry.place}: {entry.workspace}: {described(entry)}: removed" for entry in grants]


def _fields(grant: Grant) -> Mapping[str, str]:
    fields = {name: one_line(value) for name, value in subject_fields(grant.subject).items()}
    fields["role"] = grant.role.value
    if grant.from_ is not None:
        fields["from"] = written_date(grant.from_)
    if grant.until is not None:
        fields["until"] = written_date(grant.until)
    return fields


def _inherited(stack: LoadedStack, entry: Written) -> Problem:
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
            f"remove it there by hand: that ends it in {some(users)}",
            f"or give {entry.workspace} its own list, without it: {entry.path[-1]}: [{', '.join(left)}]",
        ),
    )


def _entries(stack: LoadedStack, without: Written) -> Sequence[str]:
    """Return the YAML of a list's items without those of one subject."""
    workspace = stack.file.workspaces[without.workspace]
    if without.path[-1] == _GRANTS:
        return [in_braces(_fields(item)) for item in workspace.grants if item.subject != without.subject]
    return [scalar(str(item)) for item in workspace.owners if item != without.subject]

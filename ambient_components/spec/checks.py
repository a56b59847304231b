"""Checks that need more than one value: names, duplicates, and names of objects that would collide.

Pure functions over the models. Each yields findings with paths; `spec.loader` turns paths into places in the file.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ambient_components.contract import RUNNER_SECRET_KEYS
from ambient_components.errors import PathPart
from ambient_components.naming import grant_binding, key_id_problem, owner_binding, workspace_name_problem
from ambient_components.spec.models import StackFile, Workspace
from ambient_components.suggest import did_you_mean

Path = tuple[PathPart, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a stack file that is well-formed."""

    path: Path
    """Of the offending value, or of the entry whose key offends."""

    problem: str
    """What is wrong."""

    remedy: str
    """What is allowed and what to do."""

    other: Path | None = None
    """Of the value that it collides with."""

    at_key: bool = False
    """Whether the key offends, and not the value."""


Check = Callable[[Path, str, Workspace], Iterator[Finding]]


def check_stack(stack: StackFile) -> list[Finding]:
    """Run every check over every workspace."""
    return [
        finding
        for name, workspace in stack.workspaces.items()
        for check in CHECKS
        for finding in check(("workspaces", name), name, workspace)
    ]


def check_workspace_name(path: Path, name: str, _workspace: Workspace) -> Iterator[Finding]:
    """A workspace's name must be one that V1 and V2 of the platform take. Contract 1.1."""
    yield from _text_finding(path, workspace_name_problem(name))


def check_key_ids(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """A key's id must survive the platform's sanitiser, so that no two ids meet in one object name."""
    for key_id in workspace.keys:
        yield from _text_finding((*path, "keys", key_id), key_id_problem(key_id))


def check_grants(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """One grant a subject, and one object name a grant. Contract 1.3, 10.6.

    The platform's UI compares names without regard to case when it refuses a second grant; so do we.
    """
    subjects: dict[tuple[str, str], Path] = {}
    bindings: dict[str, tuple[Path, str]] = {}
    for index, grant in enumerate(workspace.grants):
        subject = grant.subject
        here = (*path, "grants", index, str(subject.kind))
        first = subjects.setdefault((subject.kind, subject.name.lower()), here)
        if first != here:
            problem = f"{subject.kind} {subject.name!r} has a grant already"
            yield Finding(here, problem, "keep one grant a subject (upper and lower case count as equal)", first)
            continue
        binding = grant_binding(grant.role, subject)
        taken, other_name = bindings.setdefault(binding, (here, subject.name))
        if taken != here:
            problem = f"{subject.name!r} and {other_name!r} both become the RoleBinding {binding!r}"
            yield Finding(here, problem, "give one of them another role, or access through a group", taken)


def check_owners(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """No owner twice, and one object name an owner: the platform cuts them to 40 characters. Contract 1.2, 1.6."""
    bindings: dict[str, tuple[Path, str]] = {}
    for index, owner in enumerate(workspace.owners):
        here = (*path, "owners", index)
        binding = owner_binding(owner)
        taken, other = bindings.setdefault(binding, (here, str(owner)))
        if taken == here:
            continue
        if other == str(owner):
            yield Finding(here, f"{other!r} is an owner already", "keep one of them", taken)
        else:
            problem = f"{str(owner)!r} and {other!r} both become the RoleBinding {binding!r}"
            yield Finding(here, problem, "make one of them an admin under grants", taken)


def check_runner_secret(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """The runner secret takes three keys, and has at least one. Contract 3.

    What is written in place of a key is never quoted: it may be the secret itself.
    """
    here = (*path, "secrets", "runner")
    allowed = f"allowed: {', '.join(RUNNER_SECRET_KEYS)}"
    if "runner" in workspace.secrets.model_fields_set and not workspace.secrets.runner:
        yield Finding(here, "is an empty secret", f"{allowed}; leave runner out for no secret")
    for key in workspace.secrets.runner:
        if key not in RUNNER_SECRET_KEYS:
            suggestion = did_you_mean(key, RUNNER_SECRET_KEYS)
            remedy = f"{allowed}; {suggestion}" if suggestion else allowed
            yield Finding((*here, key), "is a key that the runner secret doesn't take", remedy, at_key=True)


CHECKS: tuple[Check, ...] = (check_workspace_name, check_key_ids, check_grants, check_owners, check_runner_secret)
"""Every check; each is called for every workspace."""


def _text_finding(path: Path, text: str | None) -> Iterator[Finding]:
    if text is not None:
        problem, _, remedy = text.partition("; ")
        yield Finding(path, problem, remedy, at_key=True)

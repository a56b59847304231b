"""Checks across values: names, duplicates, and collisions of object names.

Pure functions over the models, which yield findings with paths; `loader` converts paths to positions in the file.
The checks here are about access; those of secrets and storage have their own modules.
"""

from collections.abc import Callable, Iterator
from typing import Final

from ambient_components.errors import hints_of
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.platform.naming import key_id_problem, sanitize_name, workspace_name_problem
from ambient_components.platform.subjects import SubjectKind
from ambient_components.rules.findings import Finding, Path, Verdict, below
from ambient_components.rules.lookalikes import lookalike
from ambient_components.rules.secret_patterns import without_credentials
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.checks.access import (
    check_access_tests,
    check_exceptions,
    check_grants,
    check_stack_exceptions,
    named_subjects,
)
from ambient_components.stackfile.checks.keys import Explicit, check_keys
from ambient_components.stackfile.checks.sources import check_secret_places, check_sources
from ambient_components.stackfile.checks.storage import check_bucket, check_buckets
from ambient_components.stackfile.checks.workspaces import check_integrations, check_runner_secret


def _everything(_: Path) -> bool:
    return True


def check_stack(stack: StackFile, explicit: Explicit = _everything) -> list[Finding]:
    """Run all checks over all workspaces; without warnings about workspaces that are not active."""
    findings = [
        *workspaces_missing(stack),
        *check_stacks(stack),
        *check_stack_exceptions(stack),
        *check_secret_places(stack),
        *check_access_tests(stack),
    ]
    for name, workspace in stack.workspaces.items():
        of_workspace = [finding for check in CHECKS for finding in check(("workspaces", name), workspace)]
        in_use = workspace.state is WorkspaceState.ACTIVE
        findings += [finding for finding in of_workspace if in_use or not finding.warning]
    active = {name for name, workspace in stack.workspaces.items() if workspace.state is WorkspaceState.ACTIVE}
    whole = (
        *check_case(stack),
        *check_grants(stack),
        *check_keys(stack, explicit),
        *check_buckets(stack, explicit),
        *check_sources(stack),
    )
    findings += [finding for finding in whole if finding.path[1] in active or not finding.warning]
    return findings


def check_stacks(stack: StackFile) -> Iterator[Finding]:
    """Find duplicates in a file of stacks, and other fields, which would apply to none of them."""
    first: dict[str, int] = {}
    for index, name in enumerate(stack.stacks):
        taken = first.setdefault(name.rpartition("/")[2], index)
        if taken != index:
            yield Finding(("stacks", index), f"{name!r} is named already", "keep one of them", ("stacks", taken))
    if "stacks" in stack.model_fields_set:
        for field, info in StackFile.model_fields.items():
            if field != "stacks" and field in stack.model_fields_set:
                path = (info.alias or field,)
                problem = "is in a file of stacks, and would hold for none of them"
                yield Finding(path, problem, "write it into the files of those stacks, or remove stacks", at_key=True)
        if not stack.stacks:
            yield Finding(("stacks",), "names no stack", "allowed: a list of stacks, such as [prod-eu, prod-us]")


def workspaces_missing(stack: StackFile) -> Iterator[Finding]:
    """Require `workspaces`, even if it is `{}`: otherwise an empty file would be treated as a removal of everything.

    Included files and files that name stacks are exempt.
    """
    if not {"workspaces", "stacks"} & stack.model_fields_set:
        yield Finding(("workspaces",), "is missing", ("add it", "write {} for none"))


def check_workspace_name(path: Path, _: Workspace) -> Iterator[Finding]:
    """Find workspace names that the platform's V1 or V2 API rejects. Contract 1.1."""
    yield from _name_finding(path, str(path[1]), workspace_name_problem)


def check_key_ids(path: Path, workspace: Workspace) -> Iterator[Finding]:
    """Find key ids that the platform's sanitiser changes, because two ids could produce the same object name."""
    for key_id in workspace.keys:
        yield from _name_finding((*path, "keys", key_id), key_id, key_id_problem)


def check_subjects(path: Path, workspace: Workspace) -> Iterator[Finding]:
    """Warn about owners and grants with names that look like others. Kubernetes compares byte by byte."""
    for here, subject in named_subjects(path, workspace):
        if why := lookalike(subject.name):
            where = "CI system" if subject.kind is SubjectKind.PIPELINE else "identity provider"
            remedy = f"make sure that the {where} has it so, or type it again"
            yield Finding(here, f"{subject.name!a} {why}", remedy, rule=WarningRule.LOOKALIKE_NAME)


def check_case(stack: StackFile) -> Iterator[Finding]:
    """Warn about subjects that differ only in case: Kubernetes takes them for two, and one is usually a typo."""
    first: dict[str, tuple[str, Path]] = {}
    for name, workspace in stack.workspaces.items():
        for here, named in named_subjects(("workspaces", name), workspace):
            subject = str(named)
            other, place = first.setdefault(subject.casefold(), (subject, here))
            # Among the grants of one workspace it is an error of its own.
            if other != subject and (here[:3] != place[:3] or here[2] == "owners"):
                problem = f"{subject!r} differs only in case from {other!r}: Kubernetes takes them for two subjects"
                remedy = "write both as the identity provider does"
                yield Finding(here, problem, remedy, place, rule=WarningRule.DIFFERENT_CASE)


def check_reviewers(path: Path, workspace: Workspace) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for index, reviewer in enumerate(workspace.reviewers):
        here = (*path, "reviewers", index)
        taken = first.setdefault(str(reviewer), here)
        if taken != here:
            yield Finding(here, f"{str(reviewer)!r} is a reviewer already", "keep one of them", taken)


def check_values(path: Path, workspace: Workspace) -> Iterator[Finding]:
    """Find what the models themselves find in several fields of a workspace."""
    yield from below(path, workspace.findings())


CHECKS: Final = (
    check_workspace_name,
    check_key_ids,
    check_subjects,
    check_reviewers,
    check_values,
    check_runner_secret,
    check_integrations,
    check_bucket,
    check_exceptions,
)


def _name_finding(path: Path, name: str, problem_of: Callable[[str], Verdict]) -> Iterator[Finding]:
    verdict = problem_of(name)
    if verdict is None:
        return
    near = sanitize_name(name)
    # The nearest name of a credential would be the credential, in lower case.
    may_guess = near != name and any(map(str.isalnum, name)) and without_credentials(name) == name
    guess = f"did you mean {near!r}?" if may_guess and problem_of(near) is None else ""
    yield Finding(path, verdict[0], hints_of(verdict[1], guess), at_key=True)

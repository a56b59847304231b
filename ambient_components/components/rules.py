"""What a Workspace's arguments may be: the rules of the stack file's checks that a library user could break as well."""

from collections.abc import Iterable, Mapping
from typing import Any

from ambient_components import naming
from ambient_components.access.ledger import ACTIVE, CLOSED
from ambient_components.contract import RUNNER_SECRET_KEYS, Role
from ambient_components.subjects import parse_subject


def check_args(name: str, args: Mapping[str, Any]) -> None:
    """Refuses what the platform would refuse, and two declarations that would meet in one object.

    Raises:
        ValueError: with every problem, one a line.
    """
    problems = []
    if problem := naming.workspace_name_problem(args.get("namespace") or name):
        problems.append(problem)
    state = args.get("state") or ACTIVE
    if state not in (ACTIVE, CLOSED):
        problems.append(f"state {state!r}; allowed: {ACTIVE}, {CLOSED}")
    problems += [problem for problem in (naming.key_id_problem(key_id) for key_id in args.get("keys") or ()) if problem]
    problems += [
        f"runnerSecrets: {key!r} is not taken by the platform; allowed: {', '.join(RUNNER_SECRET_KEYS)}"
        for key in args.get("runnerSecrets") or ()
        if key not in RUNNER_SECRET_KEYS
    ]
    owners = [(naming.owner_binding(parse_subject(owner)), owner) for owner in args.get("owners") or ()]
    problems += _meeting(owners)
    problems += _meeting([(_grant_name(grant), grant["subject"]) for grant in args.get("grants") or ()])
    if problems:
        raise ValueError("\n".join(f"workspace {name!r}: {problem}" for problem in problems))


def _grant_name(grant: Mapping[str, Any]) -> str:
    return naming.grant_binding(Role(grant.get("role") or Role.VIEW), parse_subject(grant["subject"]))


def _meeting(named: Iterable[tuple[str, str]]) -> list[str]:
    seen: dict[str, str] = {}
    problems = []
    for object_name, subject in named:
        if object_name in seen:
            problems.append(f"{seen[object_name]} and {subject} would both be kept in an object called {object_name}")
        seen[object_name] = subject
    return problems

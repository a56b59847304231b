"""Checks of keys: conflicting times, tokens without expiry, and forbidden deliveries."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Final

from ambient_components.errors import BadValue, Problems
from ambient_components.model.keys import Key, adoption_findings, platform_findings, shared_account_findings
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.platform.contract import Role
from ambient_components.rules.durations import format_seconds, parse_duration
from ambient_components.rules.findings import Finding, Path, below, verdict_finding
from ambient_components.rules.keys import delivery_problem, endless_problem
from ambient_components.rules.lifetimes import NEVER, TOKEN_LIFE, Life, Policy, is_mended_by_overlap, misfit
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WorkspaceState

MAX_TOKEN_LIFETIME: Final = "maxTokenLifetime"  # noqa: S105 - a name
"""Key of the stack's config: maximum token lifetime in the cluster, such as 24h."""

Explicit = Callable[[Path], bool]
"""Whether a workspace's own entry sets the value at a path; only own values are refused, misfit defaults are shortened.
"""


def check_keys(stack: StackFile, explicit: Explicit) -> Iterator[Finding]:
    targets: dict[tuple[str, str], tuple[Path, str]] = {}
    for name, workspace in stack.workspaces.items():
        yield from _of_platform(name, workspace)
        for key_id, key in workspace.keys.items():
            here = ("workspaces", name, "keys", key_id)
            yield from check_times(here, partial(key.policy, stack.run_every or 0), explicit)
            yield from _without_an_end(here, key)
            yield from below(here, adoption_findings(key, key_id, name))
            yield from _delivery(here, key, stack.workspaces, targets)


def max_token_lifetime(text: object, problems: Problems) -> int | None:
    """Return the maximum token lifetime in the config; report an invalid duration to `problems`."""
    if text in (None, ""):
        return None
    try:
        return parse_duration(text)
    except BadValue as error:
        command = f"pulumi config set {MAX_TOKEN_LIFETIME} 24h"
        problems.add(None, MAX_TOKEN_LIFETIME, error.problem, error.hints, command)
    return None


def beyond_cap(workspaces: Mapping[str, Workspace], cap: int) -> Iterator[Finding]:
    """Find keys with a longer token lifetime than the cluster grants, which is `cap` seconds."""
    for name, workspace in workspaces.items():
        for key_id, key in workspace.keys.items():
            # A static token is not requested from the API server, so it has no maximum.
            if key.lifetime > cap and not key.static:
                life = "never" if key.lifetime == NEVER else format_seconds(key.lifetime)
                yield Finding(
                    ("workspaces", name, "keys", key_id, "lifetime"),
                    f"{life} is longer than the cluster grants: maxTokenLifetime is {format_seconds(cap)}",
                    f"allowed: up to {format_seconds(cap)}",
                )


def check_times(
    path: Path, policy: Callable[[Collection[str]], Policy], explicit: Explicit, life: Life = TOKEN_LIFE
) -> Iterator[Finding]:
    """Find a renewal window, overlap and life that don't fit together, or that the promised runs are too seldom for.

    The fields are those of the section at `path`. `policy` returns the policy with the fields of some names unchanged.
    """
    own = {field for field in ("rotateBefore", "overlap") if explicit((*path, field))}
    requested = policy(own)
    verdict = misfit(requested, life.what)
    if verdict is None:
        return
    # Report at a field of the entry itself, where the fix is shortest.
    field = next((field for field in ("overlap", "rotateBefore") if field in own), "lifetime")
    if {"overlap", "rotateBefore"} <= own and not is_mended_by_overlap(requested):
        field = "rotateBefore"
    yield Finding((*path, field), *verdict)


def _of_platform(name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find problems of keys that the platform made, and announce their first rotation."""
    keys = {key_id: key for key_id, key in workspace.keys.items() if key.service_account is not None}
    path = ("workspaces", name, "keys")
    yield from below(path, shared_account_findings(keys))
    for key_id, key in keys.items():
        yield from below((*path, key_id), platform_findings(key, key_id, name))
        if key.awaits_rotation and workspace.state is WorkspaceState.ACTIVE:
            yield Finding(
                (*path, key_id, "serviceAccount"),
                "the platform issued the tokens of this key, and does not record when they end",
                f"for a token that is renewed: ambient keys rotate STACK {name}/{key_id}",
                rule=WarningRule.PLATFORM_KEY,
            )


def _without_an_end(path: Path, key: Key) -> Iterator[Finding]:
    if key.lifetime != NEVER:
        return
    yield from verdict_finding((*path, "lifetime"), endless_problem(key.role))
    if key.static:
        readers = "every session of the workspace can read a static token"
        worst = ", and can then do more than it may itself" if key.role is not Role.VIEW else ""
        remedy = "leave static out: lifetime never works without"
        yield Finding((*path, "static"), f"{readers}{worst}", remedy, rule=WarningRule.STATIC_KEY)


def _delivery(
    path: Path, key: Key, workspaces: Mapping[str, Workspace], targets: dict[tuple[str, str], tuple[Path, str]]
) -> Iterator[Finding]:
    if key.deliver is None:
        return
    secret = key.deliver.secret
    here = (*path, "deliver", "secret")
    yield from verdict_finding((*here, "namespace"), delivery_problem(secret.namespace, str(path[1])))
    if secret.namespace in workspaces and secret.namespace != path[1]:
        yield Finding(
            (*here, "namespace"),
            f"{secret.namespace!r} is a workspace, where every session could read the key",
            "name a namespace that is no workspace",
        )
    taken, other = targets.setdefault((secret.namespace, secret.name), (here, f"{path[1]}/{path[3]}"))
    if taken != here:
        problem = f"Secret {secret.namespace}/{secret.name} is where the key {other} is delivered to"
        yield Finding((*here, "name"), problem, "give each key a Secret of its own", (*taken, "name"))

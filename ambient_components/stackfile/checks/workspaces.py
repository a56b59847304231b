"""Checks of a workspace's secrets, and of what it takes over or shares.

`adopt: true` gives the author of an entry an existing namespace with its Secrets, or a bucket with its data, and
`shared: true` a part of a bucket that they choose by the workspace's name. An included file often belongs to one team,
so `guardrails.adopt` and `guardrails.buckets` must name these: the reviewers of the whole stack approve the lists.
"""

from collections.abc import Callable, Iterator
from typing import Final

from ambient_components.model.guardrails import Guardrails
from ambient_components.model.sources import GIVE_OTHERWISE
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.platform.contract import RUNNER_SECRET_KEYS
from ambient_components.platform.variables import variable_problem, variable_warning
from ambient_components.rules.buckets import workspace_prefix
from ambient_components.rules.findings import Finding, Path, below, verdict_finding
from ambient_components.rules.secret_patterns import says_secret
from ambient_components.rules.secrets import runner_findings
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.yaml.positions import SourceMap

_CLAUDE_KEY = "ANTHROPIC_API_KEY"


def check_runner_secret(path: Path, workspace: Workspace) -> Iterator[Finding]:
    """Check the runner secret: at least one of three keys. Contract 3."""
    here = (*path, "secrets", "runner")
    keys = workspace.secrets.runner
    allowed = f"allowed: {', '.join(RUNNER_SECRET_KEYS)}"
    if "runner" in workspace.secrets.model_fields_set and not keys:
        yield Finding(here, "is an empty secret", (allowed, "leave runner out for no secret"))
    yield from below(here, runner_findings(keys))
    for key, source in keys.items():
        if key in RUNNER_SECRET_KEYS and source.value is not None:
            yield Finding((*here, key, "value"), "is a plain value for a secret", GIVE_OTHERWISE)
    if keys and _CLAUDE_KEY not in keys and all(key in RUNNER_SECRET_KEYS for key in keys):
        problem = f"has no {_CLAUDE_KEY}: the platform refuses sessions with Claude"
        remedy = f"add {_CLAUDE_KEY}, unless all sessions are Gemini's"
        yield Finding(here, problem, remedy, rule=WarningRule.NO_CLAUDE_KEY)


def check_integrations(path: Path, workspace: Workspace) -> Iterator[Finding]:
    """Check the integration secret: at least one variable, with names that sessions receive. Contract 3, 10.15."""
    here = (*path, "secrets", "integrations")
    variables = workspace.secrets.integrations
    if "integrations" in workspace.secrets.model_fields_set and not variables:
        yield Finding(here, "is an empty secret", "name a variable, or leave integrations out for no secret")
    for name, source in variables.items():
        problem = variable_problem(name)
        yield from verdict_finding((*here, name), problem, at_key=True)
        if problem is None:
            rule = WarningRule.UNREACHED_VARIABLE
            yield from verdict_finding((*here, name), variable_warning(name), at_key=True, warning=rule)
        if source.value is not None and says_secret(name):
            yield Finding(
                (*here, name, "value"), "is a plain value, and the variable's name says secret", GIVE_OTHERWISE
            )


def without_runner_secret(stack: StackFile) -> Iterator[Finding]:
    """Warn about workspaces without a runner secret: without Vertex AI no session starts (contract 3).

    An adopted workspace may have one that no file declares. The stack's config tells whether the platform uses Vertex
    AI, so this is no check of the files alone.
    """
    for name, workspace in sorted(stack.workspaces.items()):
        if workspace.state is WorkspaceState.ACTIVE and not (workspace.secrets.runner or workspace.adopt):
            yield Finding(
                ("workspaces", name),
                "has no runner secret: no session starts until an admin saves a key in the UI",
                "declare secrets.runner, or set vertex to true in the stack's config if the platform uses Vertex AI",
                at_key=True,
                rule=WarningRule.NO_RUNNER_SECRET,
            )


_ADOPT: Final = "adopt"


def check_adoptions(
    stack: StackFile, stack_file: str, sources: SourceMap, original: Callable[[Path], Path] = lambda path: path
) -> Iterator[Finding]:
    """Find namespaces and buckets that included files adopt or share, and that the stack file does not name."""
    for name, workspace in stack.workspaces.items():
        for field, what, line in _foreign(name, workspace, stack.guardrails):
            path = ("workspaces", name, *field)
            if sources.value(original(path)).file != stack_file:
                hints = (
                    f"allowed only by the stack file: guardrails: {{{line}}}",
                    "if the stack owns it already, remove the line",
                )
                yield Finding(
                    path, f"{what}, and an included file may not", hints[: None if field[-1] == _ADOPT else 1]
                )


def _foreign(name: str, workspace: Workspace, guardrails: Guardrails) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield what an entry takes over or shares without being named: its field, the description, and what allows it."""
    bucket = workspace.storage.bucket
    if workspace.adopt and name not in guardrails.adopt:
        yield (_ADOPT,), f"takes over namespace {name!r} with its Secrets", f"adopt: [{name}]"
    if bucket is None or bucket.name in guardrails.buckets:
        return
    line = f"buckets: [{bucket.name}]"
    if bucket.adopt:
        yield ("storage", "bucket", _ADOPT), f"takes over bucket {bucket.name!r} with its data", line
    if bucket.shared:
        what = f"gets the objects of bucket {bucket.name!r} below {workspace_prefix(name)}, and the names at its top"
        yield ("storage", "bucket", "shared"), what, line

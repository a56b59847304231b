"""Checks of adoptions: an included file takes over or shares only what the stack file names.

`adopt: true` gives the author of an entry an existing namespace with its Secrets, or a bucket with its data, and
`shared: true` a part of a bucket that they choose by the workspace's name. An included file often belongs to one team,
so `guardrails.adopt` and `guardrails.buckets` must name these: the reviewers of the whole stack approve the lists.
"""

from collections.abc import Callable, Iterator
from typing import Final

from ambient_components.model.guardrails import Guardrails
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.rules.bucket_policy import workspace_prefix
from ambient_components.rules.findings import Finding, Path
from ambient_components.stackfile.yaml.positions import SourceMap

_ADOPT: Final = "adopt"


def check_adoptions(
    stack: StackFile, stack_file: str, sources: SourceMap, original: Callable[[Path], Path] = lambda path: path
) -> Iterator[Finding]:
    """Find namespaces and buckets that included files adopt or share, and that the stack file does not name.

    Args:
        stack_file: Path of the stack file, as in positions.
        sources: Positions, which include the file.
        original: Translates a path in the stack into one of the sources.
    """
    for name, workspace in stack.workspaces.items():
        for below, what, line in _foreign(name, workspace, stack.guardrails):
            path = ("workspaces", name, *below)
            if sources.value(original(path)).file != stack_file:
                hints = (
                    f"allowed only by the stack file: guardrails: {{{line}}}",
                    "if the stack owns it already, remove the line",
                )
                yield Finding(
                    path, f"{what}, and an included file may not", hints[: None if below[-1] == _ADOPT else 1]
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

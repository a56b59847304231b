"""Checks of adoptions: an included file takes over only what the stack file names.

`adopt: true` gives the author of an entry an existing namespace with its Secrets, or a bucket with its data. An
included file often belongs to one team, so `guardrails.adopt` and `guardrails.adoptBuckets` must name what it takes
over: the reviewers of the whole stack approve those lists.
"""

from collections.abc import Callable, Iterator

from ambient_components.rules.findings import Finding, Path
from ambient_components.stackfile.models.stack import StackFile
from ambient_components.stackfile.yaml.positions import SourceMap


def check_adoptions(
    stack: StackFile, stack_file: str, sources: SourceMap, original: Callable[[Path], Path] = lambda path: path
) -> Iterator[Finding]:
    """Find namespaces and buckets that included files adopt, and that the stack file does not name.

    Args:
        stack: The stack.
        stack_file: Path of the stack file, as in positions.
        sources: Positions, which include the file.
        original: Translates a path in the stack into one of the sources.
    """
    for name, workspace in stack.workspaces.items():
        here, bucket = ("workspaces", name), workspace.storage.bucket
        found: list[tuple[Path, str, str]] = []
        if workspace.adopt and name not in stack.guardrails.adopt:
            found.append(((*here, "adopt"), f"takes over namespace {name!r} with its Secrets", f"adopt: [{name}]"))
        if bucket is not None and bucket.adopt and bucket.name not in stack.guardrails.adopt_buckets:
            what, line = f"takes over bucket {bucket.name!r} with its data", f"adoptBuckets: [{bucket.name}]"
            found.append(((*here, "storage", "bucket", "adopt"), what, line))
        for path, what, line in found:
            if sources.value(original(path)).file != stack_file:
                hints = (
                    f"allowed only by the stack file: guardrails: {{{line}}}",
                    "if the stack owns it already, remove the line",
                )
                yield Finding(path, f"{what}, and an included file may not", hints)

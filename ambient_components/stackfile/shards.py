"""Assignment of workspaces to shards, and checks that need the number of shards."""

from collections.abc import Iterator, Mapping

from ambient_components.model.stack import StackFile, Workspace
from ambient_components.rules.findings import Finding
from ambient_components.shards import assigned


def shards_of(workspaces: Mapping[str, Workspace], count: int) -> dict[int, tuple[str, ...]]:
    """Return the names of the workspaces of each shard, sorted; a shard without workspaces has an empty entry.

    Args:
        workspaces: Workspaces of the whole fleet, by name.
        count: Number of shards.

    Raises:
        ValueError: A workspace names a shard that does not exist (`beyond_shards` finds it first).
    """
    return assigned({name: workspace.shard for name, workspace in workspaces.items()}, count)


def beyond_shards(workspaces: Mapping[str, Workspace], count: int) -> Iterator[Finding]:
    """Find workspaces that name a shard that does not exist.

    Args:
        count: Number of shards in the stack's config.
    """
    for name, workspace in workspaces.items():
        if workspace.shard is not None and workspace.shard >= count:
            allowed = f"0 to {count - 1}" if count > 1 else "0"
            yield Finding(
                ("workspaces", name, "shard"),
                f"there is no shard {workspace.shard}",
                (f"allowed: {allowed}, as the stack's config has shards: {count}", "or leave it out"),
            )


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

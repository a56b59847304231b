"""The object store's credentials beside keys and grants: every role can read them in the pods of sessions.

A workspace with a bucket of its own gets new ones by a new generation. All others have to be replaced by hand.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from ambient_components.access.entries import Ledger
from ambient_components.cli.edits.files import edited_texts
from ambient_components.documentation import page
from ambient_components.errors import AmbientError
from ambient_components.model.storage import Bucket
from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.workspaces import BucketState, WorkspaceState
from ambient_components.stackfile.editing import Change
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stacks.project import Project

_BUCKET: Final = ("storage", "bucket")
_PAGE: Final = page("tasks/leaked-key", "the-object-store")


def renewable(stack: LoadedStack, workspaces: Iterable[str]) -> dict[str, Bucket]:
    """Return the buckets of the active workspaces for which runs make the credentials."""
    buckets = {name: _bucket(stack, name) for name in workspaces}
    return {
        name: bucket
        for name, bucket in buckets.items()
        if bucket is not None and bucket.driver is not BucketDriver.EXISTING and bucket.state is BucketState.ACTIVE
    }


def following(buckets: Mapping[str, Bucket], deployed: Ledger) -> dict[str, int]:
    """Return the next generation of credentials by workspace. A written one that is not deployed yet stays."""
    recorded = {name: deployed[name].bucket for name in buckets if name in deployed}
    return {
        name: max(buckets[name].credentials.generation, bucket.generation + 1)
        for name, bucket in recorded.items()
        if bucket is not None and bucket.generation
    }


def editable(stack: LoadedStack, generations: Mapping[str, int]) -> dict[str, int]:
    """Return the generations that a program can write: an alias must not keep a leaked key."""
    writable = {}
    for name, generation in generations.items():
        try:
            edited_texts(stack, edits(stack, {name: generation}))
        except AmbientError:
            continue
        writable[name] = generation
    return writable


def edits(stack: LoadedStack, generations: Mapping[str, int]) -> Iterator[Change]:
    for name, generation in generations.items():
        here = ("workspaces", name, *_BUCKET)
        if stack.data[name]["storage"]["bucket"].get("credentials"):
            yield Change((*here, "credentials"), "generation", str(generation))
        else:
            yield Change(here, "credentials", f"{{generation: {generation}}}")


def edit_lines(stack: LoadedStack, generations: Mapping[str, int]) -> list[str]:
    lines = []
    for name, generation in generations.items():
        before = stack.file.workspaces[name].storage.bucket
        was = before.credentials.generation if before is not None else 0
        what = f"{was} -> {generation}" if was != generation else f"{generation} stays: it is not deployed yet"
        lines.append(
            f"{stack.sources.key(('workspaces', name, *_BUCKET)).file}: {name}: credentials of the bucket: generation "
            f"{what} (every role can read them; running sessions lose the bucket)"
        )
    return lines


def by_hand_lines(
    project: Project, name: str, stack: LoadedStack, workspaces: Iterable[str], renewed: Collection[str] = ()
) -> list[str]:
    """Describe the credentials that stay valid, with what ends them."""
    lines, shared = [], []
    for workspace in sorted({*workspaces} - {*renewed}):
        bucket = _bucket(stack, workspace)
        if bucket is None:
            shared += [workspace] if stack.file.workspaces[workspace].state is WorkspaceState.ACTIVE else []
        elif bucket.driver is BucketDriver.EXISTING:
            what = "replace accessKey and secretKey at their source, then ambient up"
            lines.append(f"{workspace}: of bucket {bucket.name}: {what}")
        elif bucket.state is BucketState.RELEASED:
            lines.append(f"{workspace}: of bucket {bucket.name}, which is released: end its access keys in the store")
        else:
            lines.append(
                f"{workspace}: of bucket {bucket.name}: raise storage.bucket.credentials.generation, then ambient up"
            )
    if shared:
        space = project.platform_namespace(name)
        command = (
            f"kubectl edit secret minio-credentials -n {space} && kubectl rollout restart deployment/minio -n {space}"
        )
        lines += [f"{', '.join(shared)}: of the platform's shared store: {command}", f"  before: {_PAGE}"]
    head = "Every role could read the object store's credentials in the pods of sessions. These stay valid:"
    return [head, *(f"  {line}" for line in lines)] if lines else []


def _bucket(stack: LoadedStack, workspace: str) -> Bucket | None:
    entry = stack.file.workspaces.get(workspace)
    return entry.storage.bucket if entry is not None and entry.state is WorkspaceState.ACTIVE else None

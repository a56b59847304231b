"""A stack's state for a plan: keys, buckets and unfinished changes of the last run."""

from collections.abc import Iterator

from ambient_components.plan.facts import Waiting
from ambient_components.plan.recorded import Recorded, RecordedKey
from ambient_components.stacks.summary import Access, Key, StateSummary, WorkspaceView


def recorded_in(summary: StateSummary) -> Recorded:
    """Return the keys and the access keys of buckets in a state."""
    keys = {
        (workspace.name, key.id, key.generation): _recorded(key)
        for workspace in summary.workspaces
        for key in workspace.keys
    }
    access_keys = {
        workspace.name: RecordedKey(
            expires_at=key.expires_at,
            dead=key.dead or "",
            next_action=key.next_action or "",
            next_at=key.next_at,
        )
        for workspace in summary.workspaces
        if workspace.bucket is not None and (key := workspace.bucket.key) is not None and key.id
    }
    return Recorded(keys, access_keys)


def _recorded(key: Key) -> RecordedKey:
    return RecordedKey(
        made=key.made,
        role=key.role or "",
        expires_at=key.expires_at,
        dead=key.dead or "",
        # A key with a newer generation is not renewed. It ends on its last day.
        manual=key.manual or key.former,
        next_action="" if key.former and key.next_action != "revoke" else key.next_action or "",
        next_at=key.next_at,
    )


def pending(summary: StateSummary) -> list[Waiting]:
    """Return the differences between what the last run declared and what exists, as after a failed run."""
    killed = "a run was killed while it worked on {}: pulumi refresh, then pulumi up"
    found = [Waiting("", killed.format(name)) for name in summary.interrupted]
    for workspace in summary.workspaces:
        found += [Waiting(workspace.name, text) for text in _pending(workspace)]
    return found


def _pending(workspace: WorkspaceView) -> Iterator[str]:
    if workspace.state is None:
        yield "it is not declared any more, and not all of it is gone"
    for access in workspace.access:
        if not access.settled:
            yield _unsettled(access)
    for key in workspace.keys:
        if key.declared and not key.made:
            yield f"generation {key.generation} of key {key.id} is declared, and not made"
        elif key.made and not key.declared and workspace.state is not None:
            yield f"generation {key.generation} of key {key.id} is not declared any more, and still there"
        if key.pending:
            yield f"tokens of key {key.id} are not revoked yet, and still work: {', '.join(key.pending)}"
        if key.undelivered and not key.former:
            yield f"key {key.id} is not delivered: {key.undelivered}"
    bucket = workspace.bucket
    if bucket is not None and bucket.state is not None and not bucket.made:
        yield f"bucket {bucket.name} is declared, and not made"


def _unsettled(access: Access) -> str:
    has = " and ".join(access.actual) or "nothing"
    desired = f"is declared as {access.declared}" if access.declared else "is not declared any more"
    return f"{access.subject} has {has}, and {desired}"

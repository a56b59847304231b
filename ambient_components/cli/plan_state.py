"""What a plan needs of a stack's state: what it has of keys and buckets, what the last run left undone, a digest."""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from ambient_components.cli.overview import Access, Key, Overview, WorkspaceView
from ambient_components.errors import AmbientError, Problem, fail
from ambient_components.plan.facts import Waiting
from ambient_components.plan.held import Held, Holdings

_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105  # how Pulumi marks a secret in a state
_DIGESTED: Final = (
    "urn", "id", "parent", "provider", "inputs", "outputs", "external", "protect", "retainOnDelete", "deletedWith",
    "delete", "pendingReplacement", "taint", "initErrors", "modified",
)  # fmt: skip


def holdings(overview: Overview) -> Holdings:
    """What a state has of keys, and of access keys to buckets."""
    keys = {
        (workspace.name, key.id, key.generation): _held(key)
        for workspace in overview.workspaces
        for key in workspace.keys
    }
    access_keys = {
        workspace.name: Held(
            expires_at=key.expires_at,
            dead=key.dead or "",
            next_action=key.next_action or "",
            next_at=key.next_at,
        )
        for workspace in overview.workspaces
        if workspace.bucket is not None and (key := workspace.bucket.key) is not None and key.id
    }
    return Holdings(keys, access_keys)


def _held(key: Key) -> Held:
    return Held(
        made=key.made,
        role=key.role or "",
        expires_at=key.expires_at,
        dead=key.dead or "",
        # One that another generation has followed is not renewed, and ends by its own day.
        manual=key.manual or key.former,
        next_action="" if key.former and key.next_action != "revoke" else key.next_action or "",
        next_at=key.next_at,
    )


def pending(overview: Overview) -> list[Waiting]:
    """What the last run declared and did not do, or the other way round: as after one that failed half-way."""
    killed = "a run was killed while it worked on {}: pulumi refresh, then pulumi up"
    found = [Waiting("", killed.format(name)) for name in overview.interrupted]
    for workspace in overview.workspaces:
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
    wanted = f"is declared as {access.declared}" if access.declared else "is not declared any more"
    return f"{access.subject} has {has}, and {wanted}"


def parse_export(text: str) -> Any:
    """An exported state, without what no plan reads: the outputs of Kubernetes' objects are most of a large one.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(text, object_hook=_slim)


def _slim(item: dict[str, Any]) -> dict[str, Any]:
    if "urn" in item and str(item.get("type")).startswith("kubernetes:"):
        for part in ("outputs", "dependencies", "propertyDependencies"):
            item.pop(part, None)
    else:
        item.pop("managedFields", None)
    return item


def read_export(path: str, project: str, stack: str) -> dict[str, Any]:
    """A state that was exported into a file; `-` is standard input.

    Args:
        path: of the file.
        project: whose state it has to be.
        stack: and of which stack; without organisation.

    Raises:
        AmbientError: it can't be read, is none, or is that of another stack.
    """
    remedy = f"pulumi stack export --stack {stack} > FILE"
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        export = parse_export(text)
    except (OSError, ValueError) as error:
        raise AmbientError([Problem(None, "", f"{path} can't be read: {error}", remedy)]) from None
    if isinstance(export, dict) and "checkpoint" in export and "deployment" not in export:
        fail(None, "", f"{path} is a checkpoint out of a bucket, and no exported state", remedy)
    if not isinstance(export, dict) or not isinstance(export.get("deployment", ""), dict | None):
        no_state(path, stack)
    try:
        resources = (export["deployment"] or {}).get("resources") or ()
        whose = next(({"stack": part[2], "project": part[3]} for part in map(_urn, resources)), None)
    except (KeyError, TypeError, IndexError, AttributeError):
        no_state(path, stack)
    if whose is not None and whose != {"stack": stack, "project": project}:
        problem = f"is the state of stack {whose['stack']!r} of project {whose['project']!r}"
        fail(None, "", f"{path} {problem}, not of {stack!r} of {project!r}", remedy)
    return export


def no_state(path: str, stack: str) -> NoReturn:
    """Refuse a file.

    Raises:
        AmbientError: Always.
    """
    fail(None, "", f"{path} is no exported state", f"pulumi stack export --stack {stack} > FILE")


def _urn(item: Mapping[str, Any]) -> list[str]:
    """The first parts of a resource's urn: urn, pulumi, stack and project."""
    urn, _, rest = item["urn"].partition("::")
    return [*urn.split(":"), rest.split("::")[0]]


def state_digest(export: Mapping[str, Any]) -> str:
    """The digest of a state: another one after every run that changed something.

    Of the resources as they are exported, without what is encrypted in them: a state may be encrypted anew at each
    export. A secret that changes is seen by the time at which its resource was modified.
    """
    deployment = export.get("deployment") or {}
    parts = [
        {name: _open(item[name]) for name in _DIGESTED if name in item} for item in deployment.get("resources") or ()
    ]
    # What a run was at when it was killed.
    parts += [
        {"pending": one.get("type"), "urn": (one.get("resource") or {}).get("urn")}
        for one in deployment.get("pending_operations") or ()
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _open(value: Any) -> Any:
    """A value without what is encrypted in it."""
    if isinstance(value, Mapping):
        return "secret" if _SECRET in value else {key: _open(item) for key, item in value.items()}
    return [_open(item) for item in value] if isinstance(value, list) else value

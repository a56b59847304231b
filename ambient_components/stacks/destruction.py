"""What a destroy of a stack would delete, read from its state, and what of it is refused. Pure.

`pulumi destroy` calls no check. It revokes all keys and grants first and stops only at protected resources. So the
command evaluates it beforehand, as the ledger's check does for an update.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ambient_components.access.guardrails import ALWAYS
from ambient_components.engine import names, urns
from ambient_components.engine.names import Part
from ambient_components.engine.state import Export, Resource, resources
from ambient_components.errors import Problem, refusal
from ambient_components.printable import counted
from ambient_components.rules.buckets import OnDelete
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.refusals import Rule
from ambient_components.rules.workspaces import ACTIVE, RELEASED
from ambient_components.stacks.reading import guardrails_of_ledgers, ledger_from_state

KEPT: Final = "kept"
IF_EMPTY: Final = "deleted if it is empty"
WITH_ALL: Final = "deleted with all that is in it"

_COUNTED: Final = {
    ("RoleBinding", Part.OWNER): "owner",
    ("RoleBinding", Part.GRANT): "grant",
    ("ServiceAccount", Part.KEY_GENERATION): "key",
}
"""What is counted of a workspace, by kind and part of the resource. A key with an overlap has two identities."""


@dataclass
class Going:
    """One workspace: what the state has of it."""

    workspace: str
    state: str
    """The deployed state: active, closed or released."""
    namespace: Resource | None = None
    bucket: Resource | None = None
    """Its own bucket."""
    counts: Counter[str] = field(default_factory=Counter)
    """Numbers of owners, grants and keys."""

    @property
    def deleted(self) -> bool:
        return self.namespace is not None and not self.namespace.retain_on_delete


@dataclass(frozen=True, slots=True)
class Destruction:
    workspaces: tuple[Going, ...]
    """The workspaces, sorted by name."""
    others: tuple[Resource, ...]
    """Other protected resources and buckets of the program, sorted by name."""
    allowed: frozenset[str]
    """Guardrails with an exception in the deployed ledger."""
    empty: bool
    """Whether the state has no resources."""

    @property
    def deleted(self) -> tuple[Going, ...]:
        return tuple(workspace for workspace in self.workspaces if workspace.deleted)


def read_destruction(export: Export) -> Destruction:
    """Return what a destroy would delete, from `pulumi stack export`."""
    deployed = resources(export)
    ledger = ledger_from_state(export)
    going = {name: Going(name, entry.state) for name, entry in ledger.items()}
    others = [item for item in _sorted_out(deployed, going) if item.protect or urns.is_bucket(item.type)]
    return Destruction(
        tuple(going[name] for name in sorted(going)),
        tuple(sorted(others, key=lambda item: item.name)),
        frozenset(name for guardrails in guardrails_of_ledgers(export) for name in guardrails.exceptions),
        empty=all(item.type == urns.STACK for item in deployed),
    )


def _sorted_out(deployed: Iterable[Resource], going: dict[str, Going]) -> list[Resource]:
    """Add resources to their workspaces, by logical name. Return those of no workspace."""
    items = [item for item in deployed if item.custom and not item.delete]
    # A program may use workspace names with slashes.
    namespaces = (item.name for item in items if item.kind == "Namespace")
    workspaces = {*going, *(name.removesuffix(f"/{Part.NAMESPACE}") for name in namespaces)}
    others = []
    for item in items:
        name = names.parse(item.name, workspaces)
        if name is None:
            others.append(item)
            continue
        workspace = going.get(name.workspace) or Going(name.workspace, ACTIVE)
        match item.kind, name.part:
            case "Namespace", Part.NAMESPACE:
                workspace.namespace = item
            case "S3Bucket" | "Bucket", Part.BUCKET:
                workspace.bucket = item
            case kind if kind in _COUNTED:
                workspace.counts[_COUNTED[kind]] += 1
            case _:
                others.append(item)
                continue
        going[name.workspace] = workspace
    return others


def refusals(destruction: Destruction, deploy: str) -> list[Problem]:
    """Return the refusals of a destruction; none if it may run."""
    problems: list[Problem] = []

    def refuse(rule: str, problem: str, *remedies: str, of: tuple[str, ...] = ()) -> None:
        hints = tuple(f"{remedy}, and deploy: {deploy}" for remedy in remedies)
        problems.append(refusal(f"{problem}: nothing is destroyed", hints, rule=rule, workspaces=of))

    for workspace in destruction.workspaces:
        namespace, bucket = workspace.namespace, workspace.bucket
        subject, of = f"workspace {workspace.workspace!r}", (workspace.workspace,)
        if namespace is not None and namespace.protect:
            refuse(
                Rule.PROTECTED,
                f"{subject} is protected: a destroy would end all access to it, and then stop at its namespace",
                "close it ('state: closed'), or write 'protect: false' in its entry",
                of=of,
            )
        if bucket is not None and bucket.protect:
            refuse(
                Rule.PROTECTED,
                f"{subject}: its bucket {bucket_name(bucket)!r} is protected, and a destroy would stop at it",
                "close the workspace, or write 'protect: false' for the bucket",
                of=of,
            )
        elif bucket is not None and fate(bucket) == WITH_ALL:
            refuse(
                Rule.BUCKET,
                f"{subject}: its bucket {bucket_name(bucket)!r} would be deleted with all that is in it "
                "(onDelete: delete, force: true)",
                "to keep it, write 'onDelete: keep'",
                "to delete it, empty it and remove 'force: true'",
                of=of,
            )
    for other in destruction.others:
        subject = f"{other.kind} {other.name!r}"
        if other.protect:
            refuse(
                Rule.PROTECTED,
                f"{subject} is protected: a destroy would end all access, and then stop at it",
                "take its protection off in the program",
            )
        elif fate(other) == WITH_ALL:
            refuse(
                Rule.BUCKET,
                f"{subject}: bucket {bucket_name(other)!r} would be deleted with all that is in it",
                "to keep it, let the program say so",
                "to delete it, empty it and take the force away",
            )
    count = len(destruction.deleted)
    # All of a stack exceeds any share of it, so only the number counts.
    if count > ALWAYS and Guardrail.MASS_REMOVAL not in destruction.allowed:
        refuse(
            Guardrail.MASS_REMOVAL,
            f"{count} workspaces would be deleted, and {ALWAYS} are the most that may",
            "if that is meant, write at the top of the stack file: "
            "exceptions: [{guardrail: massRemoval, reason: WHY, until: DAY}]",
        )
    return problems


def bucket_name(bucket: Resource) -> str:
    return str(bucket.inputs.get("bucket") or "")


def fate(bucket: Resource) -> str:
    """Return what happens to a bucket. pulumi-aws needs `retain_on_delete` to keep it, our provider `onDelete`."""
    ours = bucket.type == urns.S3_BUCKET
    if bucket.retain_on_delete or (ours and bucket.inputs.get("onDelete") != OnDelete.DELETE):
        return KEPT
    return WITH_ALL if bucket.inputs.get("force" if ours else "forceDestroy") else IF_EMPTY


def lines(destruction: Destruction) -> list[str]:
    """Return what would be deleted, a line for each workspace, and the totals."""
    width = max((len(workspace.workspace) for workspace in destruction.workspaces), default=0)
    rows = [f"  {workspace.workspace:<{width}}  {_fate(workspace)}" for workspace in destruction.workspaces]
    buckets = [item for item in destruction.others if urns.is_bucket(item.type)]
    rows += [f"  {bucket.name}  bucket {bucket_name(bucket)}: {fate(bucket)}" for bucket in buckets]
    going = destruction.deleted
    total = _listed(
        [counted(len(going), "workspace"), *_access(sum((workspace.counts for workspace in going), Counter()))]
    )
    return [*rows, "", f"This deletes {total}. Sessions and all that is in the namespaces go with them."]


def _fate(workspace: Going) -> str:
    bucket = workspace.bucket
    storage = f"; bucket {bucket_name(bucket)}: {fate(bucket)}" if bucket else ""
    if not workspace.deleted:
        return f"{'released: ' if workspace.state == RELEASED else ''}stays unchanged{storage}"
    state = "" if workspace.state == ACTIVE else f"{workspace.state}: "
    return f"{state}{_listed(['the namespace', *_access(workspace.counts)])}{storage}"


def _access(counts: Counter[str]) -> list[str]:
    return [counted(counts[what], what) for what in _COUNTED.values() if counts[what]]


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"

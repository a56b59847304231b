"""What a destroy of a stack would delete, read from its state, and what of it is refused. Pure.

`pulumi destroy` calls no check. It revokes all keys and grants first and stops only at protected resources. So the
command evaluates it beforehand, as the ledger's check does for an update.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ambient_components.access.entries import NOTHING, Entry, read_ledger
from ambient_components.access.guardrails import ALWAYS
from ambient_components.engine import names, urns
from ambient_components.engine.names import Part
from ambient_components.engine.state import Export, Resource, resources
from ambient_components.errors import Problem, refusal
from ambient_components.rules.buckets import OnDelete
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.refusals import Rule
from ambient_components.rules.workspaces import ACTIVE
from ambient_components.stacks.reading import ledgers_in

KEPT: Final = "kept"
IF_EMPTY: Final = "deleted if it is empty"
WITH_ALL: Final = "deleted with all that is in it"


@dataclass(frozen=True, slots=True)
class Going:
    """One workspace, and what happens to it."""

    workspace: str
    state: str
    """The deployed state: active, closed or released."""
    deleted: bool
    """Whether its namespace is deleted with everything in it. A released one stays."""
    protected: bool
    owners: int = 0
    grants: int = 0
    keys: int = 0
    """Number of identities. A key with an overlap has two."""
    bucket: str = ""
    """The name of its own bucket in the store. Empty if it has none."""
    fate: str = KEPT
    """What happens to the bucket: `KEPT`, `IF_EMPTY` or `WITH_ALL`."""
    bucket_protected: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """A resource outside all workspaces that is protected or has data."""

    name: str
    """The logical name."""
    kind: str
    """The last part of the type, such as S3Bucket, Bucket or Namespace."""
    protected: bool
    bucket: str = ""
    """The bucket's name in the store. Empty if it is not a bucket."""
    fate: str = KEPT
    """See `Going`."""


@dataclass(frozen=True, slots=True)
class Destruction:
    """Everything that a destroy of a stack deletes."""

    workspaces: tuple[Going, ...]
    """The workspaces, sorted by name."""
    others: tuple[Other, ...]
    """Other protected resources and buckets of the program, sorted by name."""
    allowed: frozenset[str]
    """Guardrails with an exception in the deployed ledger."""
    empty: bool
    """Whether the state has no resources."""

    @property
    def deleted(self) -> tuple[Going, ...]:
        """The workspaces with a namespace to be deleted."""
        return tuple(workspace for workspace in self.workspaces if workspace.deleted)


@dataclass
class _Resources:
    """The resources of one workspace in the state."""

    namespace: Resource | None = None
    bucket: Resource | None = None
    counts: dict[str, int] = field(default_factory=dict)


def read_destruction(export: Export) -> Destruction:
    """Return what a destroy would delete, from `pulumi stack export`.

    Args:
        export: The parsed output. Secrets stay encrypted.
    """
    deployed = resources(export)
    ledger: dict[str, Entry] = {}
    allowed: set[str] = set()
    for inputs in ledgers_in(export):
        ledger |= read_ledger(inputs.get("workspaces"))
        allowed |= {*((inputs.get("guardrails") or {}).get("exceptions") or ())}
    found, rest = _by_workspace(deployed, ledger)
    return Destruction(
        tuple(
            _going(name, ledger.get(name, NOTHING), found.get(name) or _Resources())
            for name in sorted({*ledger, *found})
        ),
        tuple(sorted(filter(None, map(_other, rest)), key=lambda one: one.name)),
        frozenset(allowed),
        empty=all(item.type == urns.STACK for item in deployed),
    )


def refusals(destruction: Destruction, deploy: str) -> list[Problem]:
    """Return the refusals of a destruction; none if it may run."""
    found = []
    then_deploy = f"and deploy: {deploy}"
    for workspace in destruction.workspaces:
        subject, of = f"workspace {workspace.workspace!r}", (workspace.workspace,)
        if workspace.protected:
            found.append(
                refusal(
                    f"{subject} is protected: a destroy would end all access to it, and then stop at its namespace: "
                    "nothing is destroyed",
                    f"close it ('state: closed'), or write 'protect: false' in its entry, {then_deploy}",
                    rule=Rule.PROTECTED,
                    workspaces=of,
                )
            )
        if workspace.bucket_protected:
            found.append(
                refusal(
                    f"{subject}: its bucket {workspace.bucket!r} is protected, and a destroy would stop at it: "
                    "nothing is destroyed",
                    f"close the workspace, or write 'protect: false' for the bucket, {then_deploy}",
                    rule=Rule.PROTECTED,
                    workspaces=of,
                )
            )
        elif workspace.bucket and workspace.fate == WITH_ALL:
            found.append(
                refusal(
                    f"{subject}: its bucket {workspace.bucket!r} would be deleted with all that is in it "
                    "(onDelete: delete, force: true): nothing is destroyed",
                    f"to keep it, write 'onDelete: keep', {then_deploy}",
                    f"to delete it, empty it and remove 'force: true', {then_deploy}",
                    rule=Rule.BUCKET,
                    workspaces=of,
                )
            )
    for other in destruction.others:
        subject = f"{other.kind} {other.name!r}"
        if other.protected:
            found.append(
                refusal(
                    f"{subject} is protected: a destroy would end all access, and then stop at it: nothing is "
                    "destroyed",
                    f"take its protection off in the program, {then_deploy}",
                    rule=Rule.PROTECTED,
                )
            )
        elif other.fate == WITH_ALL:
            found.append(
                refusal(
                    f"{subject}: bucket {other.bucket!r} would be deleted with all that is in it: nothing is destroyed",
                    f"to keep it, let the program say so, {then_deploy}",
                    f"to delete it, empty it and take the force away, {then_deploy}",
                    rule=Rule.BUCKET,
                )
            )
    count = len(destruction.deleted)
    # All of a stack exceeds any share of it, so only the number counts.
    if count > ALWAYS and Guardrail.MASS_REMOVAL not in destruction.allowed:
        found.append(
            refusal(
                f"{count} workspaces would be deleted, and {ALWAYS} are the most that may: nothing is destroyed",
                "if that is meant, write at the top of the stack file: "
                f"exceptions: [{{guardrail: massRemoval, reason: WHY, until: DAY}}], {then_deploy}",
                rule=Guardrail.MASS_REMOVAL,
            )
        )
    return found


def lines(destruction: Destruction) -> list[str]:
    """Return what would be deleted, a line for each workspace, and the totals."""
    width = max((len(workspace.workspace) for workspace in destruction.workspaces), default=0)
    rows = [f"  {workspace.workspace:<{width}}  {_fate(workspace)}" for workspace in destruction.workspaces]
    rows += [f"  {one.name}  bucket {one.bucket}: {one.fate}" for one in destruction.others if one.bucket]
    going = destruction.deleted
    owners, grants, keys = (sum(getattr(one, kind) for one in going) for kind in ("owners", "grants", "keys"))
    total = [_count(len(going), "workspace"), *_access(owners, grants, keys)]
    return [*rows, "", f"This deletes {_listed(total)}. Sessions and all that is in the namespaces go with them."]


def _by_workspace(deployed: Iterable[Resource], ledger: Iterable[str]) -> tuple[dict[str, _Resources], list[Resource]]:
    """Return the resources by workspace, sorted out by logical name, and those of no workspace."""
    items = [item for item in deployed if item.custom and not item.delete]
    # A program may use workspace names with slashes.
    namespaces = (item.name for item in items if item.kind == "Namespace")
    workspaces = {*ledger, *(name.removesuffix(f"/{Part.NAMESPACE}") for name in namespaces)}
    found: dict[str, _Resources] = {}
    rest = []
    for item in items:
        name = names.parse(item.name, workspaces)
        match item.kind, name and name.part:
            case "Namespace", Part.NAMESPACE if name:
                found.setdefault(name.workspace, _Resources()).namespace = item
            case "RoleBinding", Part.OWNER if name:
                _counted(found, name.workspace, "owners")
            case "RoleBinding", Part.GRANT if name:
                _counted(found, name.workspace, "grants")
            case "ServiceAccount", Part.KEY_GENERATION if name:
                _counted(found, name.workspace, "keys")
            case "S3Bucket" | "Bucket", Part.BUCKET if name:
                found.setdefault(name.workspace, _Resources()).bucket = item
            case _:
                rest.append(item)
    return found, rest


def _other(item: Resource) -> Other | None:
    """Return a resource outside all workspaces if it matters for a destroy, else None."""
    is_bucket = urns.is_bucket(item.type)
    if not (item.protect or is_bucket):
        return None
    if not is_bucket:
        return Other(item.name, item.kind, item.protect)
    return Other(item.name, item.kind, item.protect, str(item.inputs.get("bucket") or ""), _of_bucket(item))


def _counted(found: dict[str, _Resources], workspace: str, what: str) -> None:
    counts = found.setdefault(workspace, _Resources()).counts
    counts[what] = counts.get(what, 0) + 1


def _going(name: str, entry: Entry, found: _Resources) -> Going:
    namespace, bucket = found.namespace, found.bucket
    return Going(
        name,
        entry.state,
        deleted=namespace is not None and not namespace.retain_on_delete,
        protected=namespace is not None and namespace.protect,
        owners=found.counts.get("owners", 0),
        grants=found.counts.get("grants", 0),
        keys=found.counts.get("keys", 0),
        bucket=str(bucket.inputs.get("bucket") or "") if bucket else "",
        fate=_of_bucket(bucket) if bucket else KEPT,
        bucket_protected=bucket is not None and bucket.protect,
    )


def _of_bucket(bucket: Resource) -> str:
    """Return what happens to a bucket. pulumi-aws needs `retain_on_delete` to keep it, our provider `onDelete`."""
    ours = bucket.type == urns.S3_BUCKET
    if bucket.retain_on_delete or (ours and bucket.inputs.get("onDelete") != OnDelete.DELETE):
        return KEPT
    return WITH_ALL if bucket.inputs.get("force" if ours else "forceDestroy") else IF_EMPTY


def _fate(one: Going) -> str:
    bucket = f"; bucket {one.bucket}: {one.fate}" if one.bucket else ""
    if not one.deleted:
        return f"{'released: ' if one.state == 'released' else ''}stays unchanged{bucket}"
    state = "" if one.state == ACTIVE else f"{one.state}: "
    return f"{state}{_listed(['the namespace', *_access(one.owners, one.grants, one.keys)])}{bucket}"


def _access(owners: int, grants: int, keys: int) -> list[str]:
    counts = ((owners, "owner"), (grants, "grant"), (keys, "key"))
    return [_count(count, what) for count, what in counts if count]


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"

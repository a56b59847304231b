"""One workspace: a namespace that the platform lists, and everything in it that is declared."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.rbac.v1 as rbac

from ambient_components import naming
from ambient_components.access.ledger import ACTIVE
from ambient_components.components.api_key import ApiKey, ApiKeyArgs
from ambient_components.components.bindings import role_binding
from ambient_components.components.forced import FORCED
from ambient_components.components.grant import grant_role_binding
from ambient_components.components.rules import check_args
from ambient_components.components.secrets import workspace_secret
from ambient_components.contract import (
    MANAGED,
    MANAGED_BY_LABEL,
    MANAGED_BY_VALUE,
    MANAGED_LABEL,
    OPENSHIFT_DESCRIPTION_ANNOTATION,
    OPENSHIFT_DISPLAY_NAME_ANNOTATION,
    OWNER_ANNOTATION,
    OWNER_ROLE_LABEL,
    RUNNER_SECRET,
    RUNNER_SECRET_APP,
    UNMANAGED,
    Role,
)
from ambient_components.subjects import parse_subject


class GrantSpec(TypedDict):
    """A grant of the workspace."""

    subject: str
    """``user:NAME`` or ``group:NAME``."""

    role: NotRequired[str]
    """view (default), edit or admin."""


class KeySpec(TypedDict):
    """A key of the workspace; everything is optional. See `ApiKeyArgs`."""

    name: NotRequired[str]
    description: NotRequired[str]
    role: NotRequired[str]
    lifetimeSeconds: NotRequired[int]
    rotateBeforeSeconds: NotRequired[int]
    overlapSeconds: NotRequired[int]
    generation: NotRequired[int]


class WorkspaceArgs(TypedDict):
    """What a workspace has. Only `owner` is needed."""

    owner: str
    """Project and fleet that own it, PROJECT/FLEET; the namespace says so in an annotation."""

    namespace: NotRequired[str]
    """Default: the component's name. Can't be renamed: another name is another workspace."""

    displayName: NotRequired[str]
    """Shown by the platform on OpenShift; elsewhere it has no place to keep it (contract 1.1)."""

    description: NotRequired[str]
    """As `displayName`."""

    openshift: NotRequired[bool]
    """The cluster is OpenShift. Said, not guessed: a preview must not depend on a cluster."""

    owners: NotRequired[Sequence[str]]
    """Subjects with admin rights by bindings that the Sharing page does not show: for break-glass access."""

    grants: NotRequired[Sequence[GrantSpec]]
    """Who may do what, as the Sharing page shows it."""

    keys: NotRequired[Mapping[str, KeySpec]]
    """API keys by id."""

    runnerSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """The language models' keys, kept as secrets: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""

    protect: NotRequired[bool]
    """The namespace can't be deleted by the engine; default true. A closed workspace is never protected."""

    state: NotRequired[str]
    """active (default), or closed: off the platform's list, without grants, keys and secrets; the data stays."""


class Workspace(pulumi.ComponentResource):
    """A Namespace with its owners, grants, keys and secrets, put on the platform's list once all of it is there.

    Not emitted here, and why: ProjectSettings, LimitRange and the trigger account, which the platform's operator makes
    for every namespace that it sees listed (contract 4).
    """

    namespace: core.Namespace
    """The Namespace."""

    owners: dict[str, rbac.RoleBinding]
    """Owner bindings by subject."""

    grants: dict[str, rbac.RoleBinding]
    """Grants by subject."""

    keys: dict[str, ApiKey]
    """API keys by id."""

    def __init__(self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        check_args(name, args)
        super().__init__("ambient:index:Workspace", name, {"namespace": args.get("namespace") or name}, opts)
        self._workspace = args.get("namespace") or name
        self._name = name
        active = (args.get("state") or ACTIVE) == ACTIVE
        # The caller's dependencies (the ledger) are for the namespace: all else in here depends on that.
        self.namespace = core.Namespace(
            naming.logical_namespace(name),
            metadata={"name": self._workspace, "annotations": _annotations(args, self._workspace)},
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=opts.depends_on if opts else None,
                # On the namespace only: on the component it would keep a revoked grant alive (docs/surprises.md).
                protect=active and args.get("protect", True),
                # The list's label is the patch's, further ones are the platform's and OpenShift's.
                ignore_changes=["metadata.labels"],
            ),
        )
        inside = pulumi.ResourceOptions(parent=self, depends_on=[self.namespace])
        self.owners = {subject: self._owner(subject, inside) for subject in args.get("owners") or ()}
        secrets = self._secrets(args, inside) if active else []
        self.grants = self._grants(args, inside) if active else {}
        self.keys = self._keys(args, inside) if active else {}
        _listed(
            naming.logical_listed(name),
            self._workspace,
            active,
            pulumi.ResourceOptions(
                parent=self,
                depends_on=[
                    self.namespace,
                    *self.owners.values(),
                    *secrets,
                    *self.grants.values(),
                    *self.keys.values(),
                ],
            ),
        )
        self.register_outputs({"namespace": self._workspace, "keys": sorted(self.keys)})

    def _owner(self, text: str, opts: pulumi.ResourceOptions) -> rbac.RoleBinding:
        subject = parse_subject(text)
        return role_binding(
            naming.logical_owner(self._name, subject),
            namespace=self._workspace,
            object_name=naming.owner_binding(subject),
            role=Role.ADMIN,
            subject=subject,
            labels={OWNER_ROLE_LABEL: Role.ADMIN.value},
            opts=opts,
        )

    def _grants(self, args: WorkspaceArgs, opts: pulumi.ResourceOptions) -> dict[str, rbac.RoleBinding]:
        return {
            grant["subject"]: grant_role_binding(
                naming.logical_grant(self._name, parse_subject(grant["subject"])),
                {"namespace": self._workspace, "subject": grant["subject"], "role": grant.get("role") or Role.VIEW},
                opts,
            )
            for grant in args.get("grants") or ()
        }

    def _keys(self, args: WorkspaceArgs, opts: pulumi.ResourceOptions) -> dict[str, ApiKey]:
        keys = {}
        for key_id, spec in (args.get("keys") or {}).items():
            key: ApiKeyArgs = {"namespace": self._workspace, "id": key_id, "owner": args["owner"], **spec}
            keys[key_id] = ApiKey(naming.logical_key(self._name, key_id), key, opts)
        return keys

    def _secrets(self, args: WorkspaceArgs, opts: pulumi.ResourceOptions) -> list[core.Secret]:
        values = args.get("runnerSecrets")
        if not values:
            return []
        logical = naming.logical_runner_secret(self._name)
        return [workspace_secret(logical, self._workspace, RUNNER_SECRET, RUNNER_SECRET_APP, values, opts)]


def _annotations(args: WorkspaceArgs, workspace: str) -> dict[str, str]:
    annotations = {OWNER_ANNOTATION: args["owner"]}
    if args.get("openshift"):
        annotations[OPENSHIFT_DISPLAY_NAME_ANNOTATION] = args.get("displayName") or workspace
        if args.get("description"):
            annotations[OPENSHIFT_DESCRIPTION_ANNOTATION] = args["description"]
    return annotations


def _listed(logical: str, workspace: str, active: bool, opts: pulumi.ResourceOptions) -> core.NamespacePatch:
    """The label that puts a namespace on the platform's list, last: a half-made workspace is never on it.

    It is a patch of its own, forced: an adopted namespace's label has another owner too. Closing writes "false" instead
    of giving the label up, which would leave an adopted one listed (docs/surprises.md).
    """
    return core.NamespacePatch(
        logical,
        metadata={
            "name": workspace,
            "annotations": FORCED,
            "labels": {MANAGED_LABEL: MANAGED if active else UNMANAGED, MANAGED_BY_LABEL: MANAGED_BY_VALUE},
        },
        opts=opts,
    )

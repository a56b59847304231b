"""Resources for access: RoleBindings, the ServiceAccounts and tokens of keys, and the access ledger."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.engine import urns
from ambient_components.resources.attributes import ObjectAttributes, RotatingCredential, SnakeCaseAttributes
from ambient_components.resources.inputs import AccessTokenArgs


class MetadataArgs(TypedDict):
    """Metadata of a Kubernetes object. Name and namespace must be known before the update."""

    name: str
    namespace: pulumi.Input[str]
    labels: NotRequired[Mapping[str, str]]
    annotations: NotRequired[Mapping[str, str]]


class RoleBindingArgs(TypedDict):
    """A RoleBinding with Kubernetes' fields."""

    metadata: MetadataArgs
    """name, namespace, labels, annotations."""

    roleRef: Mapping[str, str]
    """As in Kubernetes."""

    subjects: Sequence[Mapping[str, str]]
    """As in Kubernetes; further subjects are drift."""

    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class RoleBinding(ObjectAttributes, pulumi.CustomResource):
    """A RoleBinding kept equal to its declaration: extra subjects are drift, and finalizers do not keep it alive."""

    uid: pulumi.Output[str]
    """uid of the object."""

    def __init__(self, name: str, args: RoleBindingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.ROLE_BINDING, name, {**self.outputs(), **args}, opts)


class ServiceAccountArgs(TypedDict):
    """The ServiceAccount of one key."""

    metadata: MetadataArgs
    """name, namespace, labels, annotations."""

    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""

    adopt: NotRequired[bool]
    """Whether to adopt an existing account with its tokens; by default it is deleted."""

    ofPlatform: NotRequired[bool]  # Pulumi's own spelling of inputs
    """Whether the platform made the account: it is adopted with its tokens, and never created or replaced."""


class ServiceAccount(ObjectAttributes, pulumi.CustomResource):
    """The identity of a key, created by the run that first declares it, so that no earlier token is valid for it."""

    uid: pulumi.Output[str]
    """uid of the object."""

    created_at: pulumi.Output[str | None] = pulumi.property("createdAt")
    """Creation time of the key, RFC 3339."""

    last_used_at: pulumi.Output[str | None] = pulumi.property("lastUsedAt")
    """Time of the key's last use according to the platform's backend, as of the last refresh."""

    def __init__(self, name: str, args: ServiceAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.SERVICE_ACCOUNT, name, {**self.outputs(), **args}, opts)


class AccessToken(RotatingCredential):
    """The tokens of one ServiceAccount over their rotations; the newest is `token`."""

    token: pulumi.Output[str]
    """Bearer token for HTTP requests; a secret."""

    undelivered: pulumi.Output[str | None]
    """Why the delivery Secret does not contain the token; null if it does."""

    delivered_at: pulumi.Output[str | None] = pulumi.property("deliveredAt")
    """When it was delivered last, or issued if it is delivered to no Secret, RFC 3339; null if it is undelivered."""

    granted_seconds: pulumi.Output[int] = pulumi.property("grantedSeconds")
    """Lifetime that the cluster granted."""

    def __init__(self, name: str, args: AccessTokenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # The plugin marks the token as secret; this also covers mocks and other engines.
        secret = pulumi.ResourceOptions(additional_secret_outputs=["token"])
        super().__init__(
            urns.ACCESS_TOKEN, name, {**self.outputs(), **args}, pulumi.ResourceOptions.merge(secret, opts)
        )


class AccessLedgerArgs(TypedDict):
    """Arguments of the access ledger: plain values, which the ledger checks before anything is created."""

    owner: str
    """Owner, PROJECT/FLEET: a namespace with another owner is refused."""

    workspaces: Mapping[str, Mapping[str, Any]]
    """Complete access of the stack by workspace, as `access.write_ledger` returns it."""

    guardrails: NotRequired[Mapping[str, Any]]
    """Guardrails of the stack, as `model.guardrails.GuardrailsRecord` is written; built-in defaults if left out."""

    excluded: NotRequired[list[str]]
    """Workspaces excluded from this run: the ledger keeps their deployed entries. Never recorded."""

    moved: NotRequired[list[str]]
    """Workspaces of the fleet's other shards: the run is refused if this stack deployed one. Never recorded."""

    acknowledged: NotRequired[Mapping[str, Sequence[str]]]
    """Names of warnings that the ledger's check does not show, by workspace or `*` for all of them. Never recorded."""

    record: NotRequired[str]
    """Run record of a shard, NAMESPACE/NAME; left out if the stack is not a shard."""


class AccessLedger(SnakeCaseAttributes, pulumi.CustomResource):
    """A stack's complete access as one resource: register it first, and let everything else depend on it.

    Without it a program has no guardrails: no preflight, no refusal of a removed workspace, no diff by subject. Depend
    on it, but never read its outputs: their readers would show changes whenever any access changes.
    """

    owner: pulumi.Output[str]
    workspaces: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: AccessLedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        workspaces = args.get("workspaces")
        # Not by its outputs, which are known too late. What is no mapping the plugin refuses.
        self.named = frozenset(workspaces) if isinstance(workspaces, Mapping) else frozenset()
        super().__init__(urns.ACCESS_LEDGER, name, {**args}, opts)

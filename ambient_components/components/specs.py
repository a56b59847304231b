"""Arguments of a Workspace and of a Bucket as TypedDicts; names as in the stack file, durations in seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.rules.buckets import OnDelete
from ambient_components.rules.keys import TokenTerms
from ambient_components.rules.renewals import RenewalTerms
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED


class BucketCredentialsSpec(RenewalTerms):
    """Lifetime of a bucket's access keys; all fields are optional. Not for driver existing."""

    generation: NotRequired[int]
    """Generation, from 1 (the default). A higher number creates a new user of the store with new keys."""


class BucketSpec(TypedDict):
    """A bucket and its credentials. `name` and `endpoint` are required."""

    name: str
    """3-63 of a-z 0-9 - and dots. Another name is another bucket."""

    endpoint: str
    """Address of the store for sessions: https://HOST or http://HOST, with a port if needed."""

    driver: NotRequired[str]
    """s3 (default): this tool, with any store; aws: pulumi-aws; existing: bucket and access key exist already."""

    shared: NotRequired[bool]
    """Whether the bucket belongs to others: only credentials for the workspace's prefix are created. s3 and aws."""

    versioning: NotRequired[bool]
    """Keeps its value if left out."""

    expireAfterDays: NotRequired[int]
    """Age in days at which the store deletes objects."""

    tags: NotRequired[Mapping[str, str]]
    """Further tags of the bucket."""

    objectLock: NotRequired[bool]
    """Can only be set at creation, and requires versioning."""

    encryption: NotRequired[str]
    """AES256 or aws:kms; keeps its value if left out."""

    adopt: NotRequired[bool]
    """Whether to adopt an existing bucket without an ownership annotation. s3 only."""

    protect: NotRequired[bool]
    """Whether the engine refuses to delete the bucket; default true. Applies to active buckets of active workspaces."""

    state: NotRequired[str]
    """active (default), or released: the bucket stays unchanged and leaves this stack."""

    onDelete: NotRequired[str]
    """keep (default) or delete: what happens to the bucket when it leaves the program."""

    force: NotRequired[bool]
    """With ``onDelete: delete``: delete the bucket with all objects; otherwise only if it is empty."""

    accessKey: NotRequired[pulumi.Input[str]]
    """Access key of an existing bucket; requires secretKey."""

    secretKey: NotRequired[pulumi.Input[str]]
    """Stored as a secret."""

    credentials: NotRequired[BucketCredentialsSpec]


class BucketArgs(BucketSpec):
    """A bucket with its owner. A `Workspace` sets these fields for its own bucket."""

    owner: str
    """Owner, PROJECT/FLEET, recorded in a tag."""

    workspace: NotRequired[str]
    """Namespace of the workspace that uses the bucket; required by `shared`. Default: none; then the credentials give
    access to the whole bucket, for any program that reads `Bucket.variables`.
    """

    workspaceState: NotRequired[str]
    """active (default); closed: the bucket stays unprotected, without credentials; released: everything stays and
    leaves this stack.
    """

    usedIn: NotRequired[str]
    """NAMESPACE/SECRET; the key in its S3_ACCESS_KEY is in use and is not revoked while it is there."""


@dataclass(frozen=True)
class Life:
    """Lifecycle of a bucket, from its own state and its workspace's."""

    protected: bool
    released: bool
    """Whether the bucket leaves this stack unchanged, without the ownership annotation."""
    all_released: bool
    """Whether its credentials are released too, with the whole workspace."""
    open: bool
    """Whether it has credentials."""
    kept: bool
    """Whether it stays in the store when it leaves the program."""

    @classmethod
    def of(cls, args: BucketArgs) -> "Life":
        """Return the lifecycle for a bucket's arguments."""
        workspace, own = args.get("workspaceState") or ACTIVE, args.get("state") or ACTIVE
        return cls(
            protected=args.get("protect", True) and (workspace, own) == (ACTIVE, ACTIVE),
            released=RELEASED in (workspace, own),
            all_released=workspace == RELEASED,
            open=workspace != CLOSED,
            kept=args.get("onDelete") != OnDelete.DELETE,
        )


class KeySpec(TokenTerms):
    """A key of the workspace; all fields are optional."""

    name: NotRequired[str]
    """Name in the UI, up to 64 characters; default the id."""

    description: NotRequired[str]
    """Up to 200 characters."""

    role: NotRequired[str]
    """view, edit or admin; default edit, as in the platform's UI."""

    generation: NotRequired[int]
    """Generation, from 1 (the default). A higher number creates a new identity: ServiceAccount, binding and token."""

    adopt: NotRequired[Sequence[str]]
    """Existing ServiceAccounts of this key to adopt with their tokens, for example after a lost state. By default an
    unrecorded account is deleted, and its tokens with it.
    """

    serviceAccount: NotRequired[str]  # noqa: N815  # Pulumi's own spelling of arguments
    """ServiceAccount of generation 1, if the platform made the key: it and its RoleBinding are adopted under their own
    names, with the tokens that the platform issued. No token is issued before generation 2. Must stay while generation
    1 is valid.
    """

    actsAs: NotRequired[str]  # noqa: N815  # Pulumi's own spelling of arguments
    """Id of the platform's user for whom the key acts: its sessions get this user's integrations. With single sign-on
    the user's rights replace the key's role, in every workspace. The ledger's entry needs the same.
    """

    keepPrevious: NotRequired[bool]  # noqa: N815  # Pulumi's own spelling of arguments
    """Whether the previous generation's identity stays valid beside this one; a run without this deletes it."""


class WorkspaceArgs(TypedDict):
    """Content of a workspace. Only `owner` is required."""

    owner: str
    """Owner, PROJECT/FLEET, recorded in an annotation of the namespace."""

    namespace: NotRequired[str]
    """Default: the component's name. Another name is another workspace."""

    display_name: NotRequired[str]
    """Shown by the platform on OpenShift; ignored elsewhere (contract 1.1)."""

    description: NotRequired[str]
    """See `display_name`."""

    openshift: NotRequired[bool]
    """Whether the cluster is OpenShift. Not detected, because a preview must not depend on a cluster."""

    platformNamespace: NotRequired[str]
    """The platform's namespace, for network policies; default ambient-code."""

    ambientApiServer: NotRequired[bool]
    """Whether the platform's API server (V2) runs in that namespace, for network policies; default false."""

    owners: NotRequired[Sequence[str]]
    """Subjects with admin rights through bindings that the Sharing page does not list, for break-glass access."""

    grants: NotRequired[Sequence[Mapping[str, Any]]]
    """Grants, as the Sharing page lists them, with the fields of the stack file in snake_case."""

    keys: NotRequired[Mapping[str, KeySpec]]
    """API keys by id."""

    runnerSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """API keys of language models, stored as secrets: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""

    integrationSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables for every session, stored as secrets."""

    on_drift: NotRequired[Mapping[str, Any]]
    """Which side wins after a save in the UI, for `runner` and `integrations`: overwrite (default) or keep."""

    bucket: NotRequired[BucketSpec]
    """The workspace's own storage with its credentials. Default: the platform's shared bucket."""

    settings: NotRequired[Mapping[str, Any]]
    """Settings of sessions, as in the stack file, in snake_case; `ca_bundle` is an argument of its own."""

    ca_bundle: NotRequired[str]
    """Content of a PEM file that replaces the system's CA file in session containers."""

    limits: NotRequired[Mapping[str, Any]]
    """Limits, as in the stack file, in snake_case."""

    schedules: NotRequired[Mapping[str, Any]]
    """Scheduled sessions by id, as in the stack file, in snake_case."""

    operatorImage: NotRequired[str]
    """Image of the platform's operator, which schedules run; default: the one that the platform's backend has."""

    labels: NotRequired[Mapping[str, str]]
    """Further labels of the namespace; reserved keys are rejected."""

    annotations: NotRequired[Mapping[str, str]]
    """Further annotations; reserved keys are rejected."""

    pod_security: NotRequired[str]
    """Pod Security level that the namespace enforces: privileged or baseline."""

    adopt: NotRequired[bool]
    """Whether to adopt an existing namespace; the ledger's entry needs the same setting."""

    protect: NotRequired[bool]
    """Whether the engine refuses to delete the namespace; default true. Applies to active workspaces."""

    state: NotRequired[str]
    """active (default); closed: not listed by the platform, without grants, keys and secrets, but with owners and data;
    released: everything stays and leaves this stack.
    """

    on_close: NotRequired[Mapping[str, Any]]
    """What happens to running sessions when it is closed."""

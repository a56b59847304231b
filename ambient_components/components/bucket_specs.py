"""Arguments of a Bucket as TypedDicts, and the lifecycle that they define.

Names are those of the stack file, times are in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.rules.buckets import OnDelete
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

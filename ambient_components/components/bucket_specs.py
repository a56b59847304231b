"""The arguments of a Bucket, as plain TypedDicts; names are those of the stack file, times are in seconds.

And what follows from them for the life of the bucket.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.rules.buckets import OnDelete
from ambient_components.rules.renewals import RenewalTerms
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED


class BucketCredentialsSpec(RenewalTerms):
    """The life of a bucket's access keys; everything is optional. Not for driver existing."""

    generation: NotRequired[int]
    """From 1, the default. A new number is a new user of the store, with new keys."""


class BucketSpec(TypedDict):
    """A bucket and what opens it. `name` and `endpoint` are needed."""

    name: str
    """3-63 of a-z 0-9 - and dots. Another name is another bucket."""

    endpoint: str
    """https://HOST or http://HOST, with a port if it needs one: what sessions reach the store by."""

    driver: NotRequired[str]
    """s3 (default): by this tool, with any store; aws: by pulumi-aws; existing: bucket and key are there already."""

    shared: NotRequired[bool]
    """The bucket is somebody else's: only credentials for the workspace's part of it are made. s3 and aws."""

    versioning: NotRequired[bool]
    """Left as it is, if left out."""

    expireAfterDays: NotRequired[int]
    """The store deletes objects that are older."""

    tags: NotRequired[Mapping[str, str]]
    """Further tags of the bucket."""

    objectLock: NotRequired[bool]
    """Counts when the bucket is made, and needs versioning."""

    encryption: NotRequired[str]
    """AES256 or aws:kms; left as it is, if left out."""

    adopt: NotRequired[bool]
    """The bucket may be one that exists and bears nobody's mark. s3 only."""

    protect: NotRequired[bool]
    """The engine refuses to delete the bucket; default true. Only an active one of an active workspace is protected."""

    state: NotRequired[str]
    """active (default), or released: the bucket stays as it is, and is this stack's no more."""

    onDelete: NotRequired[str]
    """keep (default) or delete: what becomes of the bucket when it leaves the program."""

    force: NotRequired[bool]
    """Beside ``onDelete: delete``: it is deleted with all objects in it; otherwise only if it is empty."""

    accessKey: NotRequired[pulumi.Input[str]]
    """Of driver existing, which needs both halves."""

    secretKey: NotRequired[pulumi.Input[str]]
    """Kept as a secret."""

    credentials: NotRequired[BucketCredentialsSpec]


class BucketArgs(BucketSpec):
    """A bucket with its owner. A `Workspace` fills these in for its own."""

    owner: str
    """Project and fleet that own it, PROJECT/FLEET; the bucket says so in a tag."""

    workspace: NotRequired[str]
    """Namespace of the workspace whose sessions use it; `shared` needs one. Default: none, and then the credentials
    open the whole bucket, for whatever program reads `Bucket.variables`."""

    workspaceState: NotRequired[str]
    """active (default); closed: the bucket stays, unprotected, and nothing opens it; released: all of it stays, and is
    this stack's no more."""

    usedIn: NotRequired[str]
    """NAMESPACE/SECRET whose S3_ACCESS_KEY is the key in use, by which a rotation sees what it must not revoke yet."""


@dataclass(frozen=True)
class Life:
    """What of a bucket is protected, kept and open, by its own state and its workspace's."""

    protected: bool
    released: bool
    """The bucket leaves this stack as it is: it bears our mark no more."""
    all_released: bool
    """Its credentials too: the whole workspace is released."""
    open: bool
    """Whether a key to it exists."""
    kept: bool
    """It stays in the store when it leaves the program."""

    @classmethod
    def of(cls, args: BucketArgs) -> "Life":
        """By a bucket's arguments."""
        workspace, own = args.get("workspaceState") or ACTIVE, args.get("state") or ACTIVE
        return cls(
            protected=args.get("protect", True) and (workspace, own) == (ACTIVE, ACTIVE),
            released=RELEASED in (workspace, own),
            all_released=workspace == RELEASED,
            open=workspace != CLOSED,
            kept=args.get("onDelete") != OnDelete.DELETE,
        )

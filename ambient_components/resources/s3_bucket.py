"""A bucket of the stack's object store, as a program declares it."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class S3BucketArgs(TypedDict):
    """Which bucket, and what is asked of it. What is left out of its settings stays as it is in the store."""

    bucket: pulumi.Input[str]
    """Its name; another name is another bucket."""

    owner: pulumi.Input[str]
    """Project and fleet, PROJECT/FLEET; the bucket says so in a tag, and one that says another is never touched."""

    namespace: NotRequired[pulumi.Input[str]]
    """The workspace whose bucket it is: its Namespace notes that the bucket is being made, so that a run that dies
    between the making and the mark is told from somebody else's bucket."""

    versioning: NotRequired[pulumi.Input[bool]]
    """On or suspended."""

    expireAfterDays: NotRequired[pulumi.Input[int]]
    """The store deletes objects that are older."""

    tags: NotRequired[pulumi.Input[Mapping[str, str]]]
    """Further tags; those of others stay."""

    objectLock: NotRequired[pulumi.Input[bool]]
    """Counts when the bucket is made, and can't be changed later."""

    encryption: NotRequired[pulumi.Input[str]]
    """AES256 or aws:kms."""

    adopt: NotRequired[pulumi.Input[bool]]
    """A bucket of this name that exists and bears nobody's mark is taken over."""

    onDelete: NotRequired[pulumi.Input[str]]
    """keep (default): the mark is taken off, and the bucket stays; delete: it goes, if it is empty."""

    force: NotRequired[pulumi.Input[bool]]
    """Beside ``onDelete: delete``: it goes with all objects and versions in it."""

    released: NotRequired[bool]
    """The bucket is being let go: the mark is taken off, and nothing else is written any more."""


class S3Bucket(pulumi.CustomResource):
    """A bucket that bears its owner's mark. By default it outlives the program: deleting it only forgets it."""

    bucket: pulumi.Output[str]
    """Its name."""

    drift: pulumi.Output[dict[str, str]]
    """What a refresh found of the mark: ``owner``, removed or changed. Settings that differ are in the inputs."""

    def __init__(self, name: str, args: S3BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.S3_BUCKET, name, {"drift": None, **args}, opts)

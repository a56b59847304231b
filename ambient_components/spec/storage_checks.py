"""Checks of storage: what a bucket of each driver can say, whose it is, its tags, and how long its access keys live."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from ambient_components.credentials import looks_like_credential
from ambient_components.durations import format_seconds
from ambient_components.rules.bucket_names import RESERVED_TAGS
from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.lifetimes import ACCESS_KEY_OVERLAP_MIN, NEVER
from ambient_components.rules.secrets import DriftPolicy
from ambient_components.rules.states import BucketState
from ambient_components.spec.findings import Check, Finding, Path
from ambient_components.spec.key_checks import Explicit, check_times
from ambient_components.spec.models import StackFile, Workspace
from ambient_components.spec.sources import GIVE_OTHERWISE
from ambient_components.spec.storage import TAG_KEY_MAX, TAG_VALUE_MAX, Bucket, BucketCredentials

TAGS_MAX: Final = 49
"""Further tags of a bucket: S3 takes 50, and one is this tool's mark."""

_OWN: Final = (
    "versioning",
    "expireAfter",
    "tags",
    "objectLock",
    "encryption",
    "adopt",
    "protect",
    "state",
    "onDelete",
    "force",
)
"""What can be said of a bucket of one's own alone."""

_TAG_CHARACTERS: Final = "allowed: letters, digits, spaces and + - = . _ : / @"
_PUBLIC: Final = "remove it: tags are for all to read; revoke it"
# `\w` is letters and digits of every script, and the underscore.
_TAG: Final = re.compile(r"[\w +\-=.:/@]*")


def check_driver(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Each driver takes its own fields, and a bucket that is somebody else's takes hardly any."""
    bucket = workspace.storage.bucket
    if bucket is None:
        return
    here = (*path, "storage", "bucket")
    said = [field for name, field in _fields().items() if name in bucket.model_fields_set]
    if bucket.driver is BucketDriver.EXISTING:
        for field in ("accessKey", "secretKey"):
            if field not in said:
                problem = "is missing: the driver is existing, and no credentials are made"
                yield Finding((*here, field), problem, "add it, such as {config: NAME}")
        for field in said:
            if field in (*_OWN, "shared", "credentials"):
                problem = "is for what this tool makes, and the driver is existing"
                yield Finding((*here, field), problem, "remove it, or write driver: s3 or aws", at_key=True)
        return
    for field in said:
        if field == "endpoint":
            remedy = "remove it: the stack's config says where its store is, by objectStore; or write driver: existing"
            yield Finding(
                (*here, field), f"is for driver: existing, and the driver is {bucket.driver}", remedy, at_key=True
            )
        elif field in ("accessKey", "secretKey"):
            remedy = "remove it: credentials are made for the workspace; or write driver: existing"
            yield Finding(
                (*here, field), f"is for driver: existing, and the driver is {bucket.driver}", remedy, at_key=True
            )
        elif bucket.shared and field in _OWN:
            problem = "is for a bucket of the workspace's own, and this one is shared"
            yield Finding((*here, field), problem, "remove it, or remove shared: true", at_key=True)


def check_bucket(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """What an own bucket says of itself goes together."""
    bucket = workspace.storage.bucket
    if bucket is None or not bucket.own:
        return
    here = (*path, "storage", "bucket")
    deletes = bucket.on_delete is OnDelete.DELETE
    if bucket.force and not deletes:
        problem = "has no meaning: the bucket is kept when it leaves"
        yield Finding((*here, "force"), problem, "remove it; allowed beside onDelete: delete only")
    if deletes and bucket.state is BucketState.RELEASED:
        problem = "is delete, and the bucket is released: it will not be this tool's to delete"
        yield Finding((*here, "onDelete"), problem, "remove one of the two", (*here, "state"))
    if bucket.object_lock and bucket.versioning is False:
        problem = "is false, and objectLock is true: a store locks versions"
        yield Finding((*here, "versioning"), problem, "remove one of the two", (*here, "objectLock"))
    yield from _tags((*here, "tags"), bucket.tags)


def check_credentials(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """What opens a bucket is never written out, and lies in a Secret that nobody else writes. Contract 3, 10.12."""
    bucket = workspace.storage.bucket
    if bucket is None:
        return
    here = (*path, "storage", "bucket")
    if bucket.secret_key is not None and bucket.secret_key.value is not None:
        yield Finding((*here, "secretKey", "value"), "is a plain value for a secret", GIVE_OTHERWISE)
    if workspace.secrets.on_drift.integrations is DriftPolicy.KEEP:
        yield Finding(
            (*path, "secrets", "onDrift", "integrations"),
            "is keep, and the bucket's credentials lie in the same Secret: a save in the UI drops them",
            "write overwrite, or remove it",
            (*here, "name"),
        )
    if bucket.driver is not BucketDriver.EXISTING and bucket.credentials.lifetime == NEVER:
        problem = "is never: every session of the workspace gets this access key, and it works until it is revoked"
        remedy = "leave it out for 90d: an access key is renewed without anybody's doing"
        yield Finding((*here, "credentials", "lifetime"), problem, remedy, warning=True)


def check_buckets(stack: StackFile, explicit: Explicit) -> Iterator[Finding]:
    """Run the checks of buckets that need the whole stack: an own bucket is one workspace's, and runs are often enough.

    Args:
        stack: with the effective entries.
        explicit: tells what a workspace says itself from what lies under it.
    """
    owners: dict[str, str] = {}
    for name, workspace in stack.workspaces.items():
        bucket = workspace.storage.bucket
        if bucket is None:
            continue
        here = ("workspaces", name, "storage", "bucket")
        if bucket.own and (owner := owners.setdefault(bucket.name, name)) != name:
            problem = f"{bucket.name!r} is the bucket of workspace {owner!r}"
            remedy = "give each a bucket of its own, or write shared: true here"
            yield Finding((*here, "name"), problem, remedy, ("workspaces", owner, *here[2:], "name"))
        if bucket.driver is not BucketDriver.EXISTING:
            yield from _times((*here, "credentials"), bucket.credentials, stack.run_every or 0, explicit)


STORAGE_CHECKS: tuple[Check, ...] = (check_driver, check_bucket, check_credentials)
"""Every check of storage that needs one workspace alone."""


def _fields() -> dict[str, str]:
    """Return the fields of a bucket as the file calls them, by their names here."""
    return {name: field.alias or name for name, field in Bucket.model_fields.items()}


def _tags(path: Path, tags: dict[str, str]) -> Iterator[Finding]:
    """S3's rules for tags; a value is not quoted, since a label for people is what others put a secret into."""
    if len(tags) > TAGS_MAX:
        yield Finding(path, f"has {len(tags)} tags", f"allowed: up to {TAGS_MAX}: S3 takes 50, and one is this tool's")
    for key, value in tags.items():
        here = (*path, key)
        reserved = next((start for start in RESERVED_TAGS if key.lower().startswith(start)), None)
        if reserved is not None:
            remedy = "remove it, or use a name of your own"
            yield Finding(here, f"begins with {reserved!r}, which is reserved", remedy, at_key=True)
        elif not 1 <= len(key) <= TAG_KEY_MAX or not _TAG.fullmatch(key):
            remedy = f"{_TAG_CHARACTERS}, 1-{TAG_KEY_MAX} of them"
            yield Finding(here, "can't be the name of a tag", remedy, at_key=True)
        elif looks_like_credential(key):
            yield Finding(here, "looks like a credential", _PUBLIC, at_key=True)
        if looks_like_credential(value):
            yield Finding(here, "looks like a credential", _PUBLIC)
        elif len(value) > TAG_VALUE_MAX or not _TAG.fullmatch(value):
            yield Finding(here, "can't be the value of a tag", f"{_TAG_CHARACTERS}, up to {TAG_VALUE_MAX} of them")


def _times(path: Path, credentials: BucketCredentials, run_every: int, explicit: Explicit) -> Iterator[Finding]:
    policy_of = partial(credentials.policy, run_every)
    misfits = list(check_times(path, policy_of, explicit))
    # The machine of keys speaks of its tokens; here they are the access keys of a store.
    yield from (replace(found, problem=found.problem.replace("token", "access key")) for found in misfits)
    policy = policy_of(())
    if not misfits and not policy.manual and policy.overlap < ACCESS_KEY_OVERLAP_MIN:
        least = format_seconds(ACCESS_KEY_OVERLAP_MIN)
        yield Finding(
            (*path, "lifetime"),
            f"leaves less than {least} between a renewal and the end of the access key before: running sessions keep "
            "that of their start",
            "allowed: a longer rotateBefore, or runs more often than runEvery says",
        )

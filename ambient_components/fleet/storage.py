"""Buckets as arguments of the component, as ledger entries, and checked against the stack's config."""

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pulumi

from ambient_components.access import BucketEntry
from ambient_components.components import BucketCredentialsSpec, BucketSpec
from ambient_components.errors import Problems
from ambient_components.fleet.calendar import Calendar
from ambient_components.fleet.object_store import ObjectStore
from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.findings import Finding
from ambient_components.rules.lifetimes import NEVER
from ambient_components.rules.states import WorkspaceState
from ambient_components.spec import Bucket, LoadedStack, Workspace
from ambient_components.spec.loader import located
from ambient_components.spec.store_checks import against_store


def effective_store(workspaces: Mapping[str, Workspace], configured: ObjectStore | None) -> ObjectStore | None:
    """Return the store of the stack's buckets: the configured one, or AWS if a bucket uses the `aws` driver."""
    return configured or (ObjectStore.of_aws() if uses_aws(workspaces) else None)


def uses_aws(workspaces: Mapping[str, Workspace]) -> bool:
    """Tell whether a bucket uses the `aws` driver, which needs pulumi-aws."""
    return any(bucket.driver is BucketDriver.AWS for bucket in _buckets(workspaces).values())


def check_storage(stack: LoadedStack, store: ObjectStore | None, problems: Problems) -> None:
    """Check that the stack's config and this machine have what the declared buckets need.

    Args:
        stack: The stack.
        store: The configured store. None if the config has none.
        problems: Collects what is missing.
    """
    problems.extend(located(stack, against_store(stack.file.workspaces, store.config if store is not None else None)))
    if importlib.util.find_spec("pulumi_aws") is not None:
        return
    needing = (name for name, one in _buckets(stack.file.workspaces).items() if one.driver is BucketDriver.AWS)
    paths = [("workspaces", name, "storage", "bucket", "driver") for name in needing]
    install = "pip install 'ambient-components[aws]'"
    problems.extend(
        located(stack, [Finding(path, "is aws, and pulumi-aws is not installed", install) for path in paths])
    )


def _buckets(workspaces: Mapping[str, Workspace]) -> dict[str, Bucket]:
    found = ((name, workspace.storage.bucket) for name, workspace in workspaces.items())
    return {name: bucket for name, bucket in found if bucket is not None}


def bucket_spec(
    bucket: Bucket, store: ObjectStore | None, values: Mapping[str, pulumi.Input[str]], calendar: Calendar
) -> BucketSpec:
    """Return a bucket as the component's argument.

    Args:
        bucket: The merged entry of the stack file.
        store: The stack's store.
        values: The credentials of an existing bucket, by field.
        calendar: Provides the promised interval between runs.
    """
    spec = BucketSpec(name=bucket.name, endpoint=_endpoint(bucket, store), driver=bucket.driver.value)
    if bucket.driver is BucketDriver.EXISTING:
        return cast("BucketSpec", {**spec, **values})
    if bucket.shared:
        spec["shared"] = True
    else:
        spec = cast("BucketSpec", {**spec, **_own(bucket)})
    spec["credentials"] = _credentials(bucket, calendar)
    return spec


def _own(bucket: Bucket) -> dict[str, Any]:
    """Return the settings that apply only to a bucket owned by this stack."""
    said: dict[str, Any] = {
        "versioning": bucket.versioning,
        "expireAfterDays": bucket.expire_after_days,
        "tags": dict(sorted(bucket.tags.items())) or None,
        "objectLock": bucket.object_lock or None,
        "encryption": bucket.encryption and bucket.encryption.value,
        "adopt": bucket.adopt or None,
        "onDelete": bucket.on_delete.value if bucket.on_delete is not OnDelete.KEEP else None,
        "force": bucket.force or None,
    }
    given = {field: value for field, value in said.items() if value is not None}
    return {**given, "protect": bucket.protect, "state": bucket.state.value}


def _credentials(bucket: Bucket, calendar: Calendar) -> BucketCredentialsSpec:
    said = bucket.credentials
    spec = BucketCredentialsSpec(generation=said.generation)
    policy = said.policy(calendar.run_every)
    if said.lifetime == NEVER:
        spec["never"] = True
    else:
        spec["lifetimeSeconds"] = said.lifetime
    if said.rotate is not None:
        spec["manual"] = said.manual
    if said.rotate_before is not None:
        spec["rotateBeforeSeconds"] = policy.rotate_before
    if said.overlap is not None:
        spec["overlapSeconds"] = policy.overlap
    if calendar.run_every:
        spec["runEverySeconds"] = calendar.run_every
    return spec


def bucket_entry(workspace: Workspace, store: ObjectStore | None) -> BucketEntry | None:
    """Return the ledger entry of a workspace's bucket: its identity, deletion settings and key lifetime.

    A closed workspace keeps its data but has no access key.
    """
    bucket = workspace.storage.bucket
    if bucket is None:
        return None
    entry = BucketEntry(
        name=bucket.name,
        driver=bucket.driver.value,
        endpoint=_endpoint(bucket, store),
        store=_store_address(bucket, store),
        shared=bucket.shared,
        adopt=bucket.adopt,
        state=bucket.state.value,
        on_delete=bucket.on_delete.value,
        force=bucket.force,
        expire_after_days=bucket.expire_after_days,
        versioning=bucket.versioning,
        object_lock=bucket.object_lock,
    )
    if bucket.driver is BucketDriver.EXISTING or workspace.state is WorkspaceState.CLOSED:
        return entry
    lifetime = bucket.credentials.lifetime
    return replace(
        entry,
        generation=bucket.credentials.generation,
        never=lifetime == NEVER,
        lifetime_seconds=None if lifetime == NEVER else lifetime,
    )


def _endpoint(bucket: Bucket, store: ObjectStore | None) -> str:
    own = (bucket.endpoint or "").rstrip("/")
    return own or (store.config.sessions_endpoint if store is not None else "")


def _store_address(bucket: Bucket, store: ObjectStore | None) -> str | None:
    """Return the store's address for runs if it differs from the address for sessions. None for an existing bucket."""
    address = store.config.endpoint if store is not None and bucket.driver is not BucketDriver.EXISTING else None
    return address if address and address != _endpoint(bucket, store) else None

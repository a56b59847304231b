"""Checks of storage: fields, ownership and tags, lifetime of access keys, and support by the configured store."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from ambient_components.model.sources import GIVE_OTHERWISE
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.model.storage import Bucket, BucketCredentials
from ambient_components.rules.buckets import BucketDriver, adopt_with_aws, credential_missing
from ambient_components.rules.extras import extra_of, not_installed
from ambient_components.rules.findings import Finding, Path, below, verdict_finding
from ambient_components.rules.lifetimes import ACCESS_KEY_LIFE, NEVER, policy_problem
from ambient_components.rules.object_store import IAM, MINIO, OBJECT_STORE, StoreConfig, set_command
from ambient_components.rules.secrets import drift_findings
from ambient_components.rules.warnings import WarningRule
from ambient_components.stackfile.checks.keys import Explicit, check_times


def check_bucket(path: Path, workspace: Workspace) -> Iterator[Finding]:
    """Find what the bucket's driver does not allow, plain secret keys, and credentials that would get lost.

    Contract 3, 10.12.
    """
    bucket = workspace.storage.bucket
    if bucket is None:
        return
    here = (*path, "storage", "bucket")
    if bucket.driver is BucketDriver.EXISTING:
        keys = {"accessKey": bucket.access_key, "secretKey": bucket.secret_key}
        yield from below(here, (credential_missing(field) for field, source in keys.items() if source is None))
    elif bucket.endpoint is not None:
        hints = ("remove it: the stack's config says where its store is, by objectStore", "or write driver: existing")
        problem = f"is for driver: existing, and the driver is {bucket.driver}"
        yield Finding((*here, "endpoint"), problem, hints, at_key=True)
    yield from below(here, bucket.driver_findings())
    yield from below(here, bucket.setting_findings())
    if bucket.secret_key is not None and bucket.secret_key.value is not None:
        yield Finding((*here, "secretKey", "value"), "is a plain value for a secret", GIVE_OTHERWISE)
    drift = workspace.secrets.on_drift.integrations
    for finding in below((*path, "secrets", "onDrift"), drift_findings(drift, has_bucket=True)):
        yield replace(finding, other=(*here, "name"))
    if bucket.driver is not BucketDriver.EXISTING and bucket.credentials.lifetime == NEVER:
        problem = "is never: every session of the workspace gets this access key, and it works until it is revoked"
        remedy = "leave it out for 90d: an access key is renewed automatically"
        rule = WarningRule.NON_EXPIRING_ACCESS_KEY
        yield Finding((*here, "credentials", "lifetime"), problem, remedy, rule=rule)


def check_buckets(stack: StackFile, explicit: Explicit) -> Iterator[Finding]:
    """Run the checks of buckets that need the whole stack: one workspace per own bucket, and frequent enough runs."""
    owners: dict[str, str] = {}
    for name, workspace in stack.workspaces.items():
        bucket = workspace.storage.bucket
        if bucket is None:
            continue
        here = ("workspaces", name, "storage", "bucket")
        if bucket.is_own and (owner := owners.setdefault(bucket.name, name)) != name:
            problem = f"{bucket.name!r} is the bucket of workspace {owner!r}"
            remedy = "give each a bucket of its own, or write shared: true here"
            yield Finding((*here, "name"), problem, remedy, ("workspaces", owner, *here[2:], "name"))
        if bucket.driver is not BucketDriver.EXISTING:
            yield from _times((*here, "credentials"), bucket.credentials, stack.run_every or 0, explicit)


def _times(path: Path, credentials: BucketCredentials, run_every: int, explicit: Explicit) -> Iterator[Finding]:
    policy_of = partial(credentials.policy, run_every)
    misfits = list(check_times(path, policy_of, explicit, ACCESS_KEY_LIFE))
    yield from misfits
    if not misfits:
        yield from verdict_finding((*path, "lifetime"), policy_problem(policy_of(()), ACCESS_KEY_LIFE))


def uses_aws(workspaces: Mapping[str, Workspace]) -> bool:
    """Return whether a bucket uses the `aws` driver, which needs pulumi-aws."""
    return any(bucket.driver is BucketDriver.AWS for _, bucket in _buckets(workspaces))


def missing_libraries(
    workspaces: Mapping[str, Workspace], store: StoreConfig | None, *, warning: str | None = None
) -> Iterator[Finding]:
    """Find buckets that need libraries that are not installed."""
    for path, bucket in _buckets(workspaces):
        extra = extra_of(bucket.driver, store.credentials if store else IAM)
        if extra is not None:
            yield from verdict_finding(path, not_installed(extra), at_key=True, warning=warning)


def _buckets(workspaces: Mapping[str, Workspace]) -> Iterator[tuple[Path, Bucket]]:
    for name, workspace in workspaces.items():
        if workspace.storage.bucket is not None:
            yield ("workspaces", name, "storage", "bucket"), workspace.storage.bucket


def against_store(
    workspaces: Mapping[str, Workspace], store: StoreConfig | None, *, of_program: bool = False
) -> Iterator[Finding]:
    """Find buckets that the store of the config, or of the program, does not support, or that have no store."""
    for path, bucket in _buckets(workspaces):
        if bucket.driver is BucketDriver.AWS:
            yield from _of_aws(path, bucket, store)
        elif store is None:
            yield from _without_store(path, bucket, of_program=of_program)


def _without_store(path: Path, bucket: Bucket, *, of_program: bool) -> Iterator[Finding]:
    where = f"the stack's config has no {OBJECT_STORE}"
    say = f"say where it is: {set_command('endpoint', 'https://…')}, or for AWS {set_command('region', 'eu-central-1')}"
    if of_program:
        where, say = "the program's cluster has no store", "name it in cluster: store with endpoint, or region for AWS"
    if bucket.driver is BucketDriver.S3:
        yield Finding((*path, "name"), f"needs an object store, and {where}", say)
    elif bucket.endpoint is None:
        yield Finding((*path, "name"), f"has no endpoint, and {where}", "add endpoint")


def _of_aws(path: Path, bucket: Bucket, store: StoreConfig | None) -> Iterator[Finding]:
    if store is not None and store.credentials == MINIO:
        yield Finding(
            (*path, "driver"),
            f"is aws, which makes users by IAM, and the store's API for them is {MINIO}",
            "write driver: s3",
        )
    if bucket.adopt:
        yield from below(path, [adopt_with_aws()])

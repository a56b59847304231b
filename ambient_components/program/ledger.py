"""The access that a stack's files declare, as the ledger records it: subjects, roles and lifetimes, never a secret."""

from collections.abc import Mapping
from dataclasses import replace

from ambient_components.access import BucketEntry, Entry, KeyEntry, Period
from ambient_components.program.calendar import Calendar
from ambient_components.program.guardrails import excepted
from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.keys import Retain
from ambient_components.rules.lifetimes import NEVER
from ambient_components.rules.object_store import StoreConfig
from ambient_components.rules.states import WorkspaceState
from ambient_components.stackfile import Bucket, Key, Workspace
from ambient_components.stackfile.models.dates import written
from ambient_components.stackfile.places import sources_of


def ledger_of(
    workspaces: Mapping[str, Workspace], calendar: Calendar, store: StoreConfig | None = None
) -> dict[str, Entry]:
    """Return the declared access of workspaces as the ledger records it: subjects, roles and lifetimes, no secret.

    Args:
        workspaces: The workspaces by name.
        calendar: Decides which grants, overlaps and overrides are in force.
        store: The store of their buckets.
    """
    return {name: _entry(workspace, calendar, store) for name, workspace in sorted(workspaces.items())}


def _entry(workspace: Workspace, calendar: Calendar, store: StoreConfig | None) -> Entry:
    entry = Entry(
        state=workspace.state.value,
        adopt=workspace.adopt,
        owners=tuple(sorted(str(subject) for subject in workspace.owners)),
        # Names alone: of a released workspace nothing may vanish in the run that releases it.
        settings=_given(workspace.settings.model_dump(exclude_defaults=True, by_alias=True)),
        limits=_given(workspace.limits.model_dump(exclude_defaults=True, by_alias=True)),
        bucket=bucket_entry(workspace, store),
        exceptions=tuple(excepted(workspace.exceptions, calendar)),
    )
    if workspace.state is WorkspaceState.CLOSED:
        return entry
    return replace(
        entry,
        grants={str(one.subject): one.role.value for one in calendar.grants(workspace)},
        dates=_dates(workspace),
        keys={key_id: key_entry(key, calendar) for key_id, key in workspace.keys.items()},
        secrets=_secrets(workspace),
    )


def _dates(workspace: Workspace) -> dict[str, tuple[Period, ...]]:
    """Return the periods of all grants with dates, in force or not."""
    dates: dict[str, list[Period]] = {}
    for grant in workspace.grants:
        if grant.dated:
            ends = (None if end is None else written(end) for end in (grant.from_, grant.until))
            dates.setdefault(str(grant.subject), []).append(Period(grant.role.value, *ends))
    ordered = {who: sorted(periods, key=lambda period: period.order) for who, periods in sorted(dates.items())}
    return {who: tuple(periods) for who, periods in ordered.items()}


def _secrets(workspace: Workspace) -> dict[str, dict[str, str]]:
    secrets: dict[str, dict[str, str]] = {}
    for kind, variable, _, source in sources_of(workspace):
        secrets.setdefault(kind, {})[variable] = str(source)
    return secrets


def _given(declared: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted(declared))


def key_entry(key: Key, calendar: Calendar) -> KeyEntry:
    """Return a key as the ledger records it: the fields that a reviewer needs and that a later run compares.

    Args:
        key: The effective entry.
        calendar: Decides whether the previous generation stays valid.
    """
    never = key.lifetime == NEVER
    return KeyEntry(
        role=key.role.value,
        generation=key.generation,
        never=never,
        lifetime_seconds=None if never else key.lifetime,
        manual=key.manual and not never,
        static=bool(key.static),
        overlap_until=key.overlap_until.isoformat() if key.overlap_until is not None else None,
        overlapping=key.generation - 1 if key.overlap_until is not None and calendar.keeps_previous(key) else None,
        adopt=tuple(sorted(key.adopt)),
        deliver=f"{key.deliver.secret.namespace}/{key.deliver.secret.name}" if key.deliver is not None else None,
        retain=key.retain.value if key.retain is Retain.NONE else None,
    )


def bucket_entry(workspace: Workspace, store: StoreConfig | None) -> BucketEntry | None:
    """Return a workspace's bucket as the ledger records it: owner of the data, deletion, and lifetime of keys.

    A closed workspace keeps its data, and has no keys.
    """
    bucket = workspace.storage.bucket
    if bucket is None:
        return None
    entry = BucketEntry(
        name=bucket.name,
        driver=bucket.driver.value,
        endpoint=sessions_endpoint(bucket, store),
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


def sessions_endpoint(bucket: Bucket, store: StoreConfig | None) -> str:
    """Return the address by which sessions reach a bucket's store; empty for AWS."""
    own = (bucket.endpoint or "").rstrip("/")
    return own or (store.sessions_endpoint if store is not None else "")


def _store_address(bucket: Bucket, store: StoreConfig | None) -> str | None:
    """Return the store's address for runs; None if sessions use the same, or the bucket is an existing one."""
    address = store.endpoint if store is not None and bucket.driver is not BucketDriver.EXISTING else None
    return address if address and address != sessions_endpoint(bucket, store) else None

"""A workspace's own bucket and its access key, read from a stack's state. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ambient_components.access.entries import BucketEntry
from ambient_components.engine.state import Resource
from ambient_components.rotation.state import Minted, TokenRecord, number
from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.states import CLOSED

ENDLESS: Final = timedelta(days=100 * 365)
"""A later expiry is shown as never, because `lifetime: never` is stored as 136 years."""

_ANEW: Final = "raise generation in storage.bucket.credentials, then pulumi up"
"""The hint for keys that are not renewed automatically."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The access key that sessions use for the bucket."""

    id: str
    """The access key id, which is not a secret."""
    user: str
    """The user in the store that the key belongs to."""
    generation: int
    expires_at: datetime | None = None
    """When its lifetime ends. A run revokes it then, because stores have no expiry."""
    never: bool = False
    manual: bool = False
    """Whether only a new generation creates another key, whatever happens to this one."""
    dead: str | None = None
    """Why it no longer works, as found by a refresh."""
    next_action: str | None = None
    """`rotate` or `revoke`: the next action of a run."""
    next_at: datetime | None = None
    retiring: tuple[str, ...] = ()
    """Ids of older keys that still work."""
    pending: tuple[str, ...] = ()
    """Ids of keys that could not be revoked."""
    foreign: tuple[str, ...] = ()
    """Ids of keys that were created by hand."""
    drift: tuple[str, ...] = ()
    """Drift found by a refresh, such as `policy: changed`."""


@dataclass(frozen=True, slots=True)
class BucketView:
    name: str
    driver: str | None
    """The driver in the ledger. None if it is no longer declared but is in the state."""
    endpoint: str = ""
    """The store's address for sessions."""
    shared: bool = False
    """Whether others use it too."""
    state: str | None = None
    """`active` or `released`. None if it is no longer declared."""
    made: bool = False
    """Whether the state has it. Also true for an existing bucket."""
    open: bool = False
    """Whether an access key is declared."""
    key: AccessKey | None = None


@dataclass
class FoundStorage:
    """One workspace's storage in the state: outputs, which include the inputs."""

    bucket: Mapping[str, Any] | None = None
    credentials: Mapping[str, Any] | None = None

    def add(self, item: Resource) -> None:
        """Add the bucket or its credentials. The first one of each kind wins."""
        values = {**item.inputs, **item.outputs}
        if item.kind == "S3Credentials":
            self.credentials = self.credentials or values
        else:
            self.bucket = self.bucket or values


def read_bucket(entry: BucketEntry | None, state: str | None, found: FoundStorage, now: datetime) -> BucketView | None:
    """Return a workspace's bucket. None if it has none of its own.

    Args:
        entry: The bucket's ledger entry.
        found: The resources in the state.
        now: The current time.
    """
    if entry is None and found.bucket is None and found.credentials is None:
        return None
    known = found.bucket or {}
    credentials = found.credentials or {}
    return BucketView(
        name=str((entry and entry.name) or known.get("bucket") or credentials.get("bucket") or "?"),
        driver=entry.driver if entry is not None else None,
        endpoint=(entry.endpoint if entry is not None else None) or "",
        shared=entry is not None and entry.shared,
        state=entry.state if entry is not None else None,
        made=found.bucket is not None or (entry is not None and not entry.is_own),
        open=entry is not None and state != CLOSED and entry.driver != BucketDriver.EXISTING,
        key=_key(credentials, now) if credentials else None,
    )


def _key(outputs: Mapping[str, Any], now: datetime) -> AccessKey | None:
    keys = TokenRecord.of(outputs)
    current = keys.current or Minted("")
    expires = current.expires_at
    # What the store itself has set an end to has one, whatever was asked for.
    never = keys.endless if expires is None else expires - now > ENDLESS
    drift, foreign = outputs.get("drift"), outputs.get("foreign")
    return AccessKey(
        id=str(outputs.get("accessKey") or current.id),
        user=str(outputs.get("user") or ""),
        generation=number(outputs.get("generation"), 1),
        expires_at=None if never else expires,
        never=never,
        manual=keys.manual,
        dead=current.dead,
        next_action=keys.next_action,
        next_at=keys.next_at,
        retiring=tuple(one.id for one in keys.retiring),
        pending=tuple(one.id for one in keys.pending),
        foreign=tuple(map(str, foreign if isinstance(foreign, list) else ())),
        drift=tuple(f"{what}: {how}" for what, how in sorted(drift.items())) if isinstance(drift, Mapping) else (),
    )


def bucket_warnings(bucket: BucketView, now: datetime) -> list[str]:
    found = []
    if bucket.state is None:
        found.append("not declared any more, still there: pulumi up")
    elif not bucket.made:
        found.append("declared, not made yet: pulumi up")
    key = bucket.key
    if key is None or not key.id:
        return [*found, *(["nothing opens it yet: pulumi up"] if bucket.open and bucket.made else [])]
    if bucket.state is not None and not bucket.open:
        found.append("an access key is still there: pulumi up")
    if key.dead:
        mended = f"only another generation makes a new one: {_ANEW}" if key.manual else "pulumi up makes a new one"
        found.append(f"its access key no longer works: {key.dead} ({mended})")
    elif key.expires_at is not None and key.expires_at <= now:
        mended = _ANEW if key.manual else "pulumi up"
        found.append(f"its access key should have ended on {key.expires_at:%Y-%m-%d %H:%M} UTC: {mended}")
    if key.drift:
        found.append(f"changed by others ({', '.join(key.drift)}): pulumi up fixes it")
    if key.foreign:
        found.append(f"opened as well by access keys made by hand: {', '.join(key.foreign)}")
    if key.pending:
        found.append(f"not revoked yet, still valid: {', '.join(key.pending)} (pulumi up tries again)")
    return found

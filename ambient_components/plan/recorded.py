"""The keys and access keys in a state. The ledger has what was declared, this has what exists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ambient_components.access.entries import KeyEntry, Ledger

Identity = tuple[str, str, int]
"""Workspace, key id and generation."""


@dataclass(frozen=True, slots=True)
class RecordedKey:
    """One identity of a key, or the access key of a bucket."""

    made: bool = True
    """Whether there is a token."""
    role: str = ""
    """The role. Empty if unknown."""
    expires_at: datetime | None = None
    """The expiry. None if unlimited or unknown."""
    dead: str = ""
    """Why the token no longer works. Empty if it works."""
    manual: bool = False
    """Whether the token is not renewed automatically."""
    next_action: str = ""
    """The next action of a run: rotate, revoke or expire."""
    next_at: datetime | None = None

    def due(self, what: str, at: datetime) -> bool:
        """Tell whether a run at this time performs the action."""
        return self.next_action == what and self.next_at is not None and self.next_at <= at


@dataclass(frozen=True, slots=True)
class Recorded:
    """The keys and access keys in a state."""

    keys: Mapping[Identity, RecordedKey] = field(default_factory=dict)
    access_keys: Mapping[str, RecordedKey] = field(default_factory=dict)
    """Access keys of buckets, by workspace."""

    @classmethod
    def of_ledger(cls, ledger: Ledger) -> "Recorded":
        """Return all keys that a ledger declares, as existing. Used if nothing else of the state is known."""
        keys = {identity: RecordedKey(role=key.role) for identity, key in identities(ledger)}
        open_ = (name for name, entry in ledger.items() if entry.bucket is not None and entry.bucket.generation)
        return cls(keys, {name: RecordedKey() for name in open_})


def identities(ledger: Ledger) -> Iterator[tuple[Identity, KeyEntry]]:
    """Yield every identity that a ledger declares, including previous generations in overlap, with its key's entry."""
    for workspace, entry in ledger.items():
        for key_id, key in entry.keys.items():
            for generation in key.generations:
                yield (workspace, key_id, generation), key

"""What a state has of keys and buckets, as far as a plan needs it: the ledger says what was declared, this what is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ambient_components.access.entries import KeyEntry, Ledger

Identity = tuple[str, str, int]
"""Workspace, id of the key, generation."""


@dataclass(frozen=True, slots=True)
class Held:
    """One identity of a key, or the access key of a bucket."""

    made: bool = True
    """Whether there is a token."""
    role: str = ""
    """Empty where nothing is known of it."""
    expires_at: datetime | None = None
    """None: never, or not known."""
    dead: str = ""
    """Why it no longer works."""
    manual: bool = False
    """Whether nobody renews it."""
    next_action: str = ""
    """rotate, revoke or expire: what the next run that matters does."""
    next_at: datetime | None = None

    def due(self, what: str, at: datetime) -> bool:
        """Whether a run at this moment does this."""
        return self.next_action == what and self.next_at is not None and self.next_at <= at


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a state has."""

    keys: Mapping[Identity, Held] = field(default_factory=dict)
    access_keys: Mapping[str, Held] = field(default_factory=dict)
    """To buckets, by workspace."""

    @classmethod
    def of_ledger(cls, ledger: Ledger) -> "Holdings":
        """All that a ledger declares, as made: of a state of which nothing else is known."""
        keys = {identity: Held(role=key.role) for identity, key in identities(ledger)}
        open_ = (name for name, entry in ledger.items() if entry.bucket is not None and entry.bucket.generation)
        return cls(keys, {name: Held() for name in open_})


def identities(ledger: Ledger) -> Iterator[tuple[Identity, KeyEntry]]:
    """Every identity that a ledger declares, those that live on until a day among them, with its key's entry."""
    for workspace, entry in ledger.items():
        for key_id, key in entry.keys.items():
            for generation in key.generations:
                yield (workspace, key_id, generation), key

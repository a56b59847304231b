"""Record of the access keys that this tool minted, in a tag of their user, because access keys have no tags.

The tag is written before and after a mint. After an interruption in between, the first value lets the next run
distinguish the new key, with its unknown secret, from one that was created by hand.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

KEYS_TAG: Final = "ambient-components/keys"
"""Tag of a user with the ids of its keys."""

_UNDER_WAY: Final = "+"
_OTHERS: Final = "-"
"""Prefix of the id of a key that others created. IAM allows neither ! nor ? in a tag."""


@dataclass(frozen=True, slots=True)
class Note:
    """Content of the tag."""

    ours: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    under_way: bool = False
    """Whether a mint was started and its end not recorded."""

    @classmethod
    def of(cls, text: str | None) -> "Note":
        """Read a tag; without one nothing is known."""
        words = (text or "").split()
        return cls(
            frozenset(word for word in words if word[:1] not in (_UNDER_WAY, _OTHERS)),
            frozenset(word[1:] for word in words if word.startswith(_OTHERS)),
            _UNDER_WAY in words,
        )

    def __str__(self) -> str:
        others = (f"{_OTHERS}{each}" for each in sorted(self.others))
        return " ".join((*sorted(self.ours), *others, *([_UNDER_WAY] if self.under_way else [])))

    def is_ours(self, key_id: str, recorded: Collection[str]) -> bool:
        """Return whether this tool minted a key.

        Args:
            key_id: Id of the key.
            recorded: Ids of existing recorded keys. If the note lacks one of them, it was minted after the note, so the
                started mint has ended.
        """
        if key_id in recorded or key_id in self.ours:
            return True
        known = self.ours | self.others
        return self.under_way and key_id not in known and all(each in known for each in recorded)

    def before_mint(self, there: Iterable[str]) -> "Note":
        """Return the note before a mint for a user with these keys."""
        keys = frozenset(there)
        ours = frozenset(each for each in keys if self.is_ours(each, ()))
        return Note(ours, keys - ours, under_way=True)

    def minted(self, key_id: str) -> "Note":
        """Return the note after a successful mint."""
        return Note(self.ours | {key_id}, self.others)

    def refused(self) -> "Note":
        """Return the note after a refused mint: any new key is created by others."""
        return Note(self.ours, self.others)

    def settled(self, there: Iterable[str], recorded: Collection[str]) -> "Note":
        """Return the note for a user with these keys after a mint with an unrecorded end."""
        keys = frozenset(there)
        ours = keys & (self.ours | frozenset(recorded))
        return Note(ours, keys - ours)

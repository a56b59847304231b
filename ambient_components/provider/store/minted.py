"""Which access keys of a user this tool minted, noted in a tag of the user: an access key has no tags of its own.

The tag is written before a key is minted and again after it. A run that dies in between leaves the first note, by which
the next one tells the key that it minted, and whose secret nobody has, from one that somebody made by hand.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

KEYS_TAG: Final = "ambient-components/keys"
"""Of a user: the ids of its keys."""

_UNDER_WAY: Final = "+"
_OTHERS: Final = "-"
"""Before an id: somebody else made that key. IAM takes neither ! nor ? in a tag."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the tag says."""

    ours: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    under_way: bool = False
    """A key was about to be minted, and nobody noted that it was."""

    @classmethod
    def of(cls, text: str | None) -> "Note":
        """Reads a tag; without one nothing is known."""
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
        """Whether this tool minted a key.

        Args:
            key_id: of the key.
            recorded: ids of the keys that are on record and there. One that the note does not have was minted after it:
                what was under way has ended then, whoever failed to note it.
        """
        if key_id in recorded or key_id in self.ours:
            return True
        known = self.ours | self.others
        return self.under_way and key_id not in known and all(each in known for each in recorded)

    def before_mint(self, there: Iterable[str]) -> "Note":
        """The note of a user with these keys, one of which is about to be minted."""
        keys = frozenset(there)
        ours = frozenset(each for each in keys if self.is_ours(each, ()))
        return Note(ours, keys - ours, under_way=True)

    def minted(self, key_id: str) -> "Note":
        """The note once it was."""
        return Note(self.ours | {key_id}, self.others)

    def refused(self) -> "Note":
        """The note once it was not: a key that somebody makes from now on is his."""
        return Note(self.ours, self.others)

    def settled(self, there: Iterable[str], recorded: Collection[str]) -> "Note":
        """The note of a user with these keys, where what was under way has ended and nobody could note it."""
        keys = frozenset(there)
        ours = keys & (self.ours | frozenset(recorded))
        return Note(ours, keys - ours)

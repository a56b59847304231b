"""Suggestions for misspelt words."""

import difflib
from collections.abc import Collection, Iterable
from typing import Final


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return the allowed word next to `word`, or nothing if none is near.

    Case counts for little, as `displayname` for `displayName` is the commonest mistake.
    """
    by_lower = {candidate.lower(): str(candidate) for candidate in allowed}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else ""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `did you mean 'admin'?` for the word that is `nearest`, or nothing. The text never holds `word`."""
    near = nearest(word, allowed)
    return f"did you mean {near!r}?" if near else ""


_SHOWN: Final = 10


def some(names: Collection[str]) -> str:
    """Return the first names as text."""
    shown = sorted(names)[:_SHOWN]
    more = len(names) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more} more" if more else "")


def nearest_or_some(word: str, names: Collection[str]) -> str:
    """Return the hint for the name of something that is not there: the nearest name, or the first ones."""
    return did_you_mean(word, names) or f"it has {some(names)}"


def allowed_words(word: str, allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the hints for a word that isn't one of those allowed: all of them, and the nearest.

    The result never contains `word`, which may be a misplaced secret.
    """
    words = tuple(str(candidate) for candidate in allowed)
    suggestion = did_you_mean(word, words)
    return (f"allowed: {', '.join(words)}", *((suggestion,) if suggestion else ()))

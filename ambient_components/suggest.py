"""Suggestions for misspelt words."""

import difflib
from collections.abc import Iterable


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


def allowed_words(word: str, allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the hints for a word that isn't one of those allowed: all of them, and the nearest.

    The result never contains `word`, which may be a misplaced secret.
    """
    words = tuple(str(candidate) for candidate in allowed)
    suggestion = did_you_mean(word, words)
    return (f"allowed: {', '.join(words)}", *((suggestion,) if suggestion else ()))

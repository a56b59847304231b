"""Guesses what somebody meant to write."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `did you mean 'admin'?` for the allowed word next to `word`, or nothing if none is near.

    Case counts for little, as `displayname` for `displayName` is the commonest mistake. The text never holds `word`.
    """
    by_lower = {candidate.lower(): str(candidate) for candidate in allowed}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f"did you mean {by_lower[matches[0]]!r}?" if matches else ""


def allowed_words(word: str, allowed: Iterable[str]) -> str:
    """Return the remedy for a word that isn't one of those allowed: all of them, and the nearest.

    `word` itself is not in it: it may be a secret in the wrong place.
    """
    words = tuple(str(candidate) for candidate in allowed)
    suggestion = did_you_mean(word, words)
    return f"allowed: {', '.join(words)}" + (f"; {suggestion}" if suggestion else "")

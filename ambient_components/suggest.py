"""Suggestions for misspelt words."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `did you mean 'admin'?` for the allowed word nearest to `word`; empty if none is near.

    The comparison ignores case, because `displayname` for `displayName` is the most common mistake. The result never
    contains `word`.
    """
    by_lower = {candidate.lower(): str(candidate) for candidate in allowed}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f"did you mean {by_lower[matches[0]]!r}?" if matches else ""


def allowed_words(word: str, allowed: Iterable[str]) -> str:
    """Return the remedy for a word that is not allowed: all allowed words, and the nearest one.

    The result never contains `word`, which may be a misplaced secret.
    """
    words = tuple(str(candidate) for candidate in allowed)
    suggestion = did_you_mean(word, words)
    return f"allowed: {', '.join(words)}" + (f"; {suggestion}" if suggestion else "")

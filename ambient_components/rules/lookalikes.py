"""Names that look like other names, which a reviewer cannot see in a diff.

Kubernetes compares the names of users and groups byte by byte, so a name with one letter of another script is another
user. Names in one non-Latin script are accepted: most names in Cyrillic or Greek are genuine.
"""

import re
import unicodedata
from typing import Final

JOINERS: Final = frozenset("\u200c\u200d")
"""Format characters that Persian and Indic words and emoji need."""

_ALIKE: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
"""Scripts with similar letter shapes."""

_LIKE_LATIN: Final = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d"  # Cyrillic, small
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408"  # Cyrillic, capital
    "\u03bf\u03bd\u03b1\u03c1"  # Greek, small
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"  # Greek, capital
)
"""Non-Latin letters that look like Latin ones."""

_WORDS: Final = re.compile(r"[^\W\d_]+")


def hidden_character(name: str) -> str | None:
    """Return a description of the first hiding format character in a name; None if there is none.

    Such a character is invisible or changes the text direction. Joiners are accepted, because words need them.
    """
    hidden = (char for char in name if unicodedata.category(char) == "Cf" and char not in JOINERS)
    return next(map(_described, hidden), None)


def lookalike(name: str) -> str | None:
    """Return why a name can be mistaken for another; None if it cannot."""
    if joiner := next((char for char in name if char in JOINERS), None):
        return f"has an invisible {_described(joiner)}"
    if unicodedata.normalize("NFKC", name) != name:
        odd = next((char for char in name if unicodedata.normalize("NFKC", char) != char), None)
        return f"has {_described(odd)}, a variant of another character" if odd else "has letters that are not composed"
    return next(filter(None, map(_odd_word, _WORDS.findall(name))), None)


def _odd_word(word: str) -> str | None:
    scripts = {script: char for char in reversed(word) if (script := _script(char)) in _ALIKE}
    if len(scripts) > 1:
        others = [char for script, char in sorted(scripts.items()) if script != "LATIN"]
        return f"has letters of several scripts in one word, such as {_described(others[0])}"
    if all(char in _LIKE_LATIN for char in word):
        return f"has a word that looks Latin and is not, with {_described(word[0])}"
    return None


def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]


def _described(char: str) -> str:
    return f"U+{ord(char):04X} ({unicodedata.name(char, 'unnamed').lower()})"

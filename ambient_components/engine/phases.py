"""What a command of the engine does, in the words of the progress line. Pure."""

from collections.abc import Sequence
from typing import Final

_WORDS: Final = {
    ("stack", "export"): "Reading the state",
    ("stack", "import"): "Writing the state",
    ("stack", "output"): "Reading the outputs",
    ("stack", "ls"): "Listing the stacks",
    ("preview",): "Previewing",
    ("up",): "Deploying",
    ("refresh",): "Refreshing the state",
    ("destroy",): "Destroying",
}


def phase(arguments: Sequence[str]) -> str:
    """Return what a command does."""
    words = _WORDS.get(tuple(arguments[:2])) or _WORDS.get(tuple(arguments[:1]))
    if words is None:
        return f"Running pulumi {' '.join(arguments[:2])}"
    if "--stack" not in arguments[:-1]:
        return words
    stack = arguments[arguments.index("--stack") + 1]
    return f"{words} of {stack}" if "the " in words else f"{words} {stack}"

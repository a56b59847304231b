"""Options with a closed vocabulary: what is wrong is said in our words, with what was perhaps meant."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, TypeVar

import typer

from ambient_components.output import Format
from ambient_components.suggest import did_you_mean

_Choice = TypeVar("_Choice", bound=StrEnum)


def choice(flag: str, allowed: Iterable[StrEnum], text: str) -> Any:
    """An option that takes one of an enumeration's words, or of some of them.

    Typer's own words for a wrong one differ by version, and none of them guesses.
    """
    words = tuple(allowed)
    return typer.Option(flag, help=text, metavar=f"[{'|'.join(words)}]", parser=_parser(words))


def format_option(text: str, *allowed: Format) -> Any:
    """The option --format of a command that takes these."""
    return choice("--format", allowed, text)


def _parser(words: tuple[_Choice, ...]) -> Callable[[str], _Choice]:
    def parse(word: str) -> _Choice:
        found = next((one for one in words if one == word), None)
        if found is not None:
            return found
        suggestion = did_you_mean(word, words)
        msg = f"{word!r} is none of them; allowed: {', '.join(words)}" + (f"; {suggestion}" if suggestion else "")
        raise typer.BadParameter(msg)

    return parse

"""Options with a closed vocabulary: what is wrong is said in our words, with what was perhaps meant."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import typer

from ambient_components.suggest import did_you_mean

_Choice = TypeVar("_Choice", bound=StrEnum)


def choice(flag: str, kind: type[StrEnum], text: str) -> Any:
    """An option that takes one of an enumeration's words.

    Typer's own words for a wrong one differ by version, and none of them guesses.
    """
    return typer.Option(flag, help=text, metavar=f"[{'|'.join(kind)}]", parser=_parser(kind))


def _parser(kind: type[_Choice]) -> Callable[[str], _Choice]:
    def parse(word: str) -> _Choice:
        if word in tuple(kind):
            return kind(word)
        suggestion = did_you_mean(word, kind)
        msg = f"{word!r} is none of them; allowed: {', '.join(kind)}" + (f"; {suggestion}" if suggestion else "")
        raise typer.BadParameter(msg)

    return parse

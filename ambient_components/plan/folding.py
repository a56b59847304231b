"""Warnings of one rule about many workspaces, folded into one line."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ambient_components.errors import Problem, refusal
from ambient_components.rules.warnings import MANY, WarningRule

_SHOWN: Final = 5
"""Maximum workspaces named in a line. More workspaces with one warning, each with details of its own, are folded."""

_FOLDED: Final[frozenset[str | None]] = frozenset(WarningRule)
"""Warnings that are folded. Of others, each has a line."""

_FEWEST: Final = 2
"""Minimum number of workspaces in a line that says all of a warning."""


@dataclass(frozen=True, slots=True)
class Folded:
    warning: Problem
    count: int = 1


def folded(warnings: Iterable[Problem], whole: str = " (--verbose)") -> list[Folded]:
    """Return warnings with one for many workspaces that have the same one, in the order of the first of each rule."""
    rules: dict[str | None, list[Problem]] = {}
    for one in warnings:
        rules.setdefault(one.rule, []).append(one)
    return [one for rule in rules.values() for one in _folded(rule, whole)]


def _folded(warnings: list[Problem], whole: str) -> list[Folded]:
    first = warnings[0]
    names = list(dict.fromkeys(name for one in warnings for name in one.workspaces))
    fewest = _FEWEST if first.rule in MANY else _SHOWN + 1
    if first.rule not in _FOLDED or len(names) < fewest or any(len(one.workspaces) != 1 for one in warnings):
        return [Folded(one) for one in warnings]
    what = MANY.get(first.rule, "have this warning")
    more = ", …" if len(names) > _SHOWN else ""
    example = "" if first.rule in MANY else f", such as {first.sentence}"
    text = f"{len(names)} workspaces {what}: {', '.join(names[:_SHOWN])}{more}{whole}{example}"
    hints = (hint for hint in first.hints if all(hint in one.hints for one in warnings))
    return [Folded(refusal(text, *hints, rule=first.rule, workspaces=names), len(warnings))]

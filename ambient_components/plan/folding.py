"""Warnings that repeat for many workspaces, folded into one line each."""

from collections.abc import Iterable
from typing import Final

from ambient_components.errors import Problem, refusal
from ambient_components.rules.warnings import MANY

_SHOWN: Final = 5
"""Maximum workspaces named in a line."""

_FEWEST: Final = 2

_Kind = tuple[str | None, str, tuple[str, ...]]


def folded(warnings: Iterable[Problem]) -> list[Problem]:
    """Return warnings with one for all workspaces that have the same. Others stay unchanged.

    Warnings are the same if their rule, text and hints are equal. The result has the order of the first of each.
    """
    kinds: dict[_Kind, list[Problem]] = {}
    for one in warnings:
        kinds.setdefault((one.rule, one.problem, one.hints), []).append(one)
    return [one for kind in kinds.values() for one in _folded(kind)]


def _folded(kind: list[Problem]) -> list[Problem]:
    first = kind[0]
    names = list(dict.fromkeys(name for one in kind for name in one.workspaces))
    if len(names) < _FEWEST or any(len(one.workspaces) != 1 for one in kind):
        return kind
    what = MANY.get(first.rule or "", f"have the same warning, {first.problem}")
    more = ", …" if len(names) > _SHOWN else ""
    text = f"{len(names)} workspaces {what}: {', '.join(names[:_SHOWN])}{more} (--verbose)"
    return [refusal(text, first.hints, rule=first.rule, workspaces=names)]

"""Lines and sections of a page, and how many alike become one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ambient_components.documentation import rule_page
from ambient_components.errors import Problem, refusal
from ambient_components.rules.warnings import WarningRule


@dataclass(frozen=True, slots=True)
class Line:
    sign: str
    """+ for gained or created, - for lost or removed, ~ for changed, ! for needs attention."""
    names: tuple[str, ...]
    """Names from files and clusters, workspace first. Shown verbatim, never as markup."""
    text: str = ""
    """Explanatory text. Quoted parts are never markup."""
    hints: tuple[str, ...] = ()
    change: str = ""
    count: int = 1
    is_new: bool = False
    """Whether it is about a workspace that the run makes, so that it holds nothing yet."""
    rule: str = ""

    @property
    def docs(self) -> str:
        return rule_page(self.rule)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    folded: bool = False
    """Whether Markdown folds the section: no fact of it changes what a run does."""

    @property
    def count(self) -> int:
        """The number of facts, exact even if a line stands for several."""
        return sum(line.count for line in self.lines)


NAMED: Final = 5
"""Workspaces up to which each has a line for what is alike in them, and which are named in one line for more."""


def grouped(section: Section, *, alike: bool = False) -> Section:
    """Return a section with one line for equal changes of many new workspaces.

    Args:
        alike: Also one line for all that begins in new workspaces, whatever the subjects.
    """
    groups: dict[tuple[object, ...], list[Line]] = {}
    for number, line in enumerate(section.lines):
        equal = (line.sign, len(line.names), line.change, *(() if alike else (line.names[1:], line.text)))
        groups.setdefault(equal if line.is_new and (alike or line.change) else (number,), []).append(line)
    lines = [line for group in groups.values() for line in (group if len(group) <= NAMED else [_group(group)])]
    return replace(section, lines=tuple(lines))


def _group(lines: Sequence[Line]) -> Line:
    first = lines[0]
    workspaces = list(dict.fromkeys(line.names[0] for line in lines))
    names = ", ".join(workspaces[:NAMED]) + (", …" if len(workspaces) > NAMED else "")
    others = len({line.names[1:] for line in lines}) - 1
    who = [*first.names[1:-1], f"{first.names[-1]} and {others} more"] if others else first.names[1:]
    return replace(first, names=(f"{len(workspaces)} new: {names}", *who), count=len(lines))


_FOLDED: Final[frozenset[str | None]] = frozenset(WarningRule)
"""Warnings that are folded. Of others, each has a line."""


@dataclass(frozen=True, slots=True)
class Folded:
    warning: Problem
    count: int = 1


def folded(warnings: Iterable[Problem], whole: str = " (--verbose)") -> list[Folded]:
    """Return warnings with one for many workspaces that have the same one, in the order of the first of each rule."""
    rules: dict[str | None, list[Problem]] = {}
    for warning in warnings:
        rules.setdefault(warning.rule, []).append(warning)
    return [fold for rule in rules.values() for fold in _folded(rule, whole)]


def _folded(warnings: list[Problem], whole: str) -> list[Folded]:
    first = warnings[0]
    names = list(dict.fromkeys(name for warning in warnings for name in warning.workspaces))
    if first.rule not in _FOLDED or len(names) <= NAMED or any(len(warning.workspaces) != 1 for warning in warnings):
        return [Folded(warning) for warning in warnings]
    text = f"{len(names)} workspaces have this warning: {', '.join(names[:NAMED])}, …{whole}, such as {first.sentence}"
    hints = (hint for hint in first.hints if all(hint in warning.hints for warning in warnings))
    return [Folded(refusal(text, *hints, rule=first.rule, workspaces=names), len(warnings))]

"""Acknowledged warnings: who reads a page has seen them, so it counts them and does not show them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from ambient_components.errors import Acknowledged, Problem
from ambient_components.rules.warnings import WarningRule

OF_OBJECTS: Final[frozenset[str | None]] = frozenset({WarningRule.UNDECLARED_ACCESS})
"""Warnings that are acknowledged for single objects: a later object is another warning. Their rows name the objects."""

STACK: Final = "*"
"""The scope of an acknowledgement that holds for all workspaces, and for warnings about the stack as a whole."""


def names_of(rule: str, objects: Iterable[str] = ()) -> list[str]:
    """Return the names of what an acknowledgement covers: its rule, or RULE: OBJECT for each object."""
    return [f"{rule}: {one}" for one in objects] if rule in OF_OBJECTS else [rule]


def _names(warning: Problem) -> list[str]:
    return names_of(warning.rule or "", (row[0] for row in warning.data))


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    scopes: Mapping[str, Mapping[str, Acknowledged]] = field(default_factory=dict)
    """Why and when, by workspace or `STACK`, and by name: see `names_of`."""

    def of(self, warning: Problem) -> Acknowledged | None:
        """Return the acknowledgement of a warning: one of the stack, or one of each workspace that it is about.

        A warning about objects needs one for each of them. Otherwise it is shown, with all of them.
        """
        found = [self._of(name, warning.workspaces) for name in _names(warning)]
        return found[0] if found and None not in found else None

    def _of(self, name: str, workspaces: Iterable[str]) -> Acknowledged | None:
        if (found := self.scopes.get(STACK, {}).get(name)) is not None:
            return found
        own = [self.scopes.get(workspace, {}).get(name) for workspace in workspaces]
        return own[0] if own and None not in own else None

    @property
    def names(self) -> dict[str, list[str]]:
        """The names by scope, as an input of the ledger."""
        return {scope: sorted(rules) for scope, rules in sorted(self.scopes.items())}

    @classmethod
    def named(cls, names: Mapping[str, Iterable[str]]) -> Self:
        """Return what `names` returned, without reasons and dates."""
        return cls({scope: dict.fromkeys(rules, Acknowledged("", "")) for scope, rules in names.items()})

    def marked(self, warnings: Iterable[Problem]) -> list[Problem]:
        """Return warnings, those that are acknowledged with their acknowledgement."""
        return [replace(warning, acknowledged=self.of(warning)) for warning in warnings]


NONE: Final = Acknowledgements()

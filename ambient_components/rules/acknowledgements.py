"""Acknowledged warnings: who reads a page has seen them, so it counts them and does not show them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from ambient_components.errors import Acknowledged, Problem

STACK: Final = "*"
"""The scope of an acknowledgement that holds for all workspaces, and for warnings about the stack as a whole."""


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    """The acknowledgements in force."""

    scopes: Mapping[str, Mapping[str, Acknowledged]] = field(default_factory=dict)
    """Why and when, by workspace or `STACK`, and by the warning's rule."""

    def of(self, warning: Problem) -> Acknowledged | None:
        """Return the acknowledgement of a warning: one of the stack, or one of each workspace that it is about."""
        rule = warning.rule or ""
        if (found := self.scopes.get(STACK, {}).get(rule)) is not None:
            return found
        own = [self.scopes.get(workspace, {}).get(rule) for workspace in warning.workspaces]
        return own[0] if own and None not in own else None

    @property
    def names(self) -> dict[str, list[str]]:
        """The rules by scope, as an input of the ledger."""
        return {scope: sorted(rules) for scope, rules in sorted(self.scopes.items())}

    @classmethod
    def named(cls, names: Mapping[str, Iterable[str]]) -> Self:
        """Return what `names` returned, without reasons and dates."""
        return cls({scope: dict.fromkeys(rules, Acknowledged("", "")) for scope, rules in names.items()})

    def marked(self, warnings: Iterable[Problem]) -> list[Problem]:
        """Return warnings, those that are acknowledged with their acknowledgement."""
        return [replace(one, acknowledged=self.of(one)) for one in warnings]


NONE: Final = Acknowledgements()

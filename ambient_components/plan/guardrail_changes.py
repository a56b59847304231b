"""Changes of the guardrail settings of a stack and its workspaces."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.access.guardrail_names import KEYS_MAX
from ambient_components.plan import facts
from ambient_components.plan.facts import RailChange

_BUILT_IN: Final = {"keysMax": KEYS_MAX, "groupsOnly": False, "adminKeysApart": False}
_ALLOW: Final = "allow"
_PLACES: Final = "secretSources"


def stack_rail_changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[RailChange]:
    """Return the changes between two inputs `rails` of a stack's ledger, sorted. Missing settings have their defaults.

    Args:
        before: The input of the last deployment.
        after: The declared input.
    """
    old, new = before or {}, after or {}
    found = [*_allowed("", old.get(_ALLOW) or (), new.get(_ALLOW) or ())]
    for rule in (old.keys() | new.keys()) - {_ALLOW}:
        was, now = old.get(rule, _BUILT_IN.get(rule)), new.get(rule, _BUILT_IN.get(rule))
        if rule == _PLACES:
            gone, come = set(was or ()) - set(now or ()), set(now or ()) - set(was or ())
            how = [*(f"+{one}" for one in sorted(come)), *(f"-{one}" for one in sorted(gone))]
            found += [RailChange("", rule, facts.CHANGED, one) for one in how]
        elif was != now:
            found.append(RailChange("", rule, facts.CHANGED, f"{_word(was)} -> {_word(now)}"))
    return sorted(found)


def workspace_rail_changes(before: Ledger, after: Ledger) -> list[RailChange]:
    """Return the exceptions that declared workspaces gain or lose, sorted."""
    found: list[RailChange] = []
    for name, entry in after.items():
        found += _allowed(name, before.get(name, NOTHING).allow, entry.allow)
    return sorted(found)


def _allowed(workspace: str, before: Iterable[str], after: Iterable[str]) -> Iterator[RailChange]:
    old, new = set(before), set(after)
    yield from (RailChange(workspace, rail, facts.ALLOWED) for rail in new - old)
    yield from (RailChange(workspace, rail, facts.DISALLOWED) for rail in old - new)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else "unset" if value is None else str(value)

"""Changes of the guardrail settings of a stack and its workspaces."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.access.guardrail_names import MAX_KEYS
from ambient_components.plan import facts
from ambient_components.plan.facts import GuardrailChange

_BUILT_IN: Final = {"maxKeys": MAX_KEYS, "groupsOnly": False, "isolateAdminKeys": False}
_EXCEPTIONS: Final = "exceptions"
_PLACES: Final = "secretSources"


def stack_guardrail_changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[GuardrailChange]:
    """Return the changes between two inputs `guardrails` of a ledger, sorted. Missing settings have their defaults.

    Args:
        before: The input of the last deployment.
        after: The declared input.
    """
    old, new = before or {}, after or {}
    found = [*_allowed("", old.get(_EXCEPTIONS) or (), new.get(_EXCEPTIONS) or ())]
    for rule in (old.keys() | new.keys()) - {_EXCEPTIONS}:
        was, now = old.get(rule, _BUILT_IN.get(rule)), new.get(rule, _BUILT_IN.get(rule))
        if rule == _PLACES:
            gone, come = set(was or ()) - set(now or ()), set(now or ()) - set(was or ())
            how = [*(f"+{one}" for one in sorted(come)), *(f"-{one}" for one in sorted(gone))]
            found += [GuardrailChange("", rule, facts.CHANGED, one) for one in how]
        elif was != now:
            found.append(GuardrailChange("", rule, facts.CHANGED, f"{_word(was)} -> {_word(now)}"))
    return sorted(found)


def workspace_guardrail_changes(before: Ledger, after: Ledger) -> list[GuardrailChange]:
    """Return the exceptions that declared workspaces gain or lose, sorted."""
    found: list[GuardrailChange] = []
    for name, entry in after.items():
        found += _allowed(name, before.get(name, NOTHING).exceptions, entry.exceptions)
    return sorted(found)


def _allowed(workspace: str, before: Iterable[str], after: Iterable[str]) -> Iterator[GuardrailChange]:
    old, new = set(before), set(after)
    yield from (GuardrailChange(workspace, guardrail, facts.ALLOWED) for guardrail in new - old)
    yield from (GuardrailChange(workspace, guardrail, facts.DISALLOWED) for guardrail in old - new)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else "unset" if value is None else str(value)

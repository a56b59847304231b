"""The rails that need only the new state, over the inputs of the AccessLedger: the same rules as its own check.

The ledger judges what a run introduces, and lets what is deployed be. A policy pack sees no state before, so it judges
all that is there: what an allowance let in is refused again once that has ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ambient_components.access import NOTHING, Crossed, Ledger, RailSettings, read_ledger, standing
from ambient_components.access.rail_names import (
    ADMIN_KEY,
    ADMIN_KEY_BESIDE_EDIT,
    ENDLESS_KEY,
    MANY_KEYS,
    PERSONAL_GRANT,
    WIDE_SUBJECT,
)
from ambient_components.errors import refusal

STATE_RAILS: Final = {
    WIDE_SUBJECT: "No access for a group that everybody, or every service account, is in.",
    ADMIN_KEY: "No key of role admin.",
    ENDLESS_KEY: "No key that never expires.",
    MANY_KEYS: "No more keys in one workspace than the stack wants.",
    PERSONAL_GRANT: "No grant of one user, where groups are wanted.",
    ADMIN_KEY_BESIDE_EDIT: "No admin key where somebody with edit can take its power, where the two are to be apart.",
}
"""What each of these rails wants, by name; what the others judge is a change, and not a state."""


@dataclass(frozen=True, slots=True)
class Exceptions:
    """What a pack's configuration says of one rail, over what the stack says itself."""

    honour_allow: bool = True
    """Whether `allow` in the stack's files is an exception; else nothing in them is."""
    keys_max: int | None = None
    """Keys of a workspace, whatever the stack says."""
    everywhere: bool = False
    """Whether the rails that a stack turns on are on for all: groups only, admin keys apart."""


def violations(ledger: Mapping[str, Any], rail: str, said: Exceptions, now: datetime) -> list[str]:
    """What in a ledger this rail refuses, for people to read.

    Args:
        ledger: inputs of the AccessLedger: `workspaces`, and `rails` where the stack says anything of them.
        rail: one of `STATE_RAILS`.
        said: the pack's configuration.
        now: tells which grants have ended.

    Raises:
        ValueError: the stack's `rails` are of a form that the ledger's own check refuses.
    """
    settings = RailSettings.of(ledger.get("rails"))
    if said.keys_max is not None:
        settings = replace(settings, keys_max=said.keys_max)
    if said.everywhere:
        settings = replace(settings, groups_only=True, admin_keys_apart=True)
    workspaces = read_ledger(ledger.get("workspaces"))
    of_workspaces = {name: entry for name, entry in workspaces.items() if not entry.is_closed}
    return [
        _text(one, said)
        for one in standing(of_workspaces, settings, now)
        if one.rail == rail and not (said.honour_allow and _is_allowed(one, settings, workspaces))
    ]


def _is_allowed(one: Crossed, settings: RailSettings, workspaces: Ledger) -> bool:
    entry = workspaces.get(one.workspace or "", NOTHING)
    return one.rail in settings.allow or one.rail in entry.allow


def _text(one: Crossed, said: Exceptions) -> str:
    way_out = f"if that is meant, write in its entry: allow: [{{rail: {one.rail}, reason: WHY}}]"
    return str(refusal(f"workspace {one.workspace!r}: {one.what}", one.remedy, way_out if said.honour_allow else ""))

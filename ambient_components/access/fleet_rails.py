"""What only the whole of a fleet shows: too much that leaves at once, workspaces in another shard, shared buckets.

Each shard's own ledger is judged by the provider, shard by shard. Counted there, a quarter of a small shard is soon
reached, and a fleet in many shards could lose far more than a quarter: so `removals` is judged here, over all shards.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from ambient_components.access.buckets import sharing_refusals
from ambient_components.access.entries import Entry, Ledger
from ambient_components.access.rail_names import REMOVALS, RailSettings
from ambient_components.access.rails import removed, too_many
from ambient_components.errors import Problem, refusal
from ambient_components.rules.refusals import Rule

JUDGED_VARIABLE: Final = "AMBIENT_JUDGED_REMOVALS"
"""In the environment of a shard's engine: `removals_mark` of what may leave it, as the whole fleet was judged."""

_NAMED: Final = 10


def fleet_refusals(
    fleet: str,
    before: Mapping[str, Ledger],
    after: Mapping[str, Ledger],
    settings: RailSettings,
    now: datetime | None = None,
    homes: Mapping[str, str] | None = None,
) -> list[Problem]:
    """What stops the whole fleet. What one shard shows by itself stops that shard alone, and is not in here.

    Args:
        fleet: its name.
        before: the ledger of the last deployment of each shard, by its stack; also of shards beyond the fleet's number.
        after: the ledger that is asked for of the same shards.
        settings: what the files say of the rails.
        now: tells which grants have ended by their dates.
        homes: the stack that each workspace of the whole fleet belongs to; None: as `after` has it.
    """
    if homes is None:
        homes = {name: stack for stack, ledger in after.items() for name in ledger}
    old, new = _united(before.values()), _united(after.values())
    found = [*_elsewhere(fleet, before, homes)]
    alone = {one for stack, ledger in after.items() for one in sharing_refusals(before.get(stack) or {}, ledger)}
    found += [one for one in sharing_refusals(old, new) if one not in alone]
    if REMOVALS not in settings.allow:
        found += [one.refusal for one in too_many(old, new, now, "this fleet")]
    return found


def removals_mark(before: Ledger, after: Ledger, now: datetime | None = None) -> str:
    """Mark of exactly what leaves one shard in this run; empty where nothing does.

    Args:
        before: the shard's ledger of the last deployment.
        after: the ledger that is asked for.
        now: tells which grants have ended by their dates.
    """
    found = removed(before, after, now)
    if not any(found.values()):
        return ""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def as_judged(
    settings: RailSettings, mark: str | None, before: Ledger, after: Ledger, now: datetime | None = None
) -> RailSettings:
    """A shard's settings where the whole fleet was judged for exactly this change: what leaves may leave.

    Args:
        settings: what the files say.
        mark: of `JUDGED_VARIABLE`; of another change, as one that was left in a shell, it allows nothing.
        before: the shard's ledger of the last deployment.
        after: the ledger that is asked for.
        now: tells which grants have ended by their dates.
    """
    if not mark:
        return settings
    same = mark == removals_mark(before, after, now)
    return replace(settings, allow=settings.allow | {REMOVALS}) if same else settings


def _united(ledgers: Iterable[Ledger]) -> dict[str, Entry]:
    return {name: entry for ledger in ledgers for name, entry in ledger.items()}


def _elsewhere(fleet: str, before: Mapping[str, Ledger], homes: Mapping[str, str]) -> Iterable[Problem]:
    """Workspaces that another shard has deployed than the one that they belong to."""
    moved = sorted(
        (name, stack, homes[name])
        for stack, ledger in before.items()
        for name in ledger
        if homes.get(name, stack) != stack
    )
    if moved:
        shown = ", ".join(f"{name}: {was} -> {now}" for name, was, now in moved[:_NAMED])
        more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
        have, they = ("is", "it") if len(moved) == 1 else ("are", "they")
        yield refusal(
            f"{len(moved)} workspace{'' if len(moved) == 1 else 's'} {have} deployed by another shard than {they} "
            f"belong{'s' if len(moved) == 1 else ''} to ({shown}{more}): nothing is changed",
            f"move the state: ambient reshard {fleet}",
            rule=Rule.OTHER_SHARD,
            workspaces=(name for name, *_ in moved),
        )

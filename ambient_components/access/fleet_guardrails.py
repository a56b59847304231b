"""Guardrails for a whole fleet: too many removals at once, workspaces in another shard, shared buckets.

The provider checks the ledger of each shard separately. There, a quarter of a small shard is reached quickly, and a
fleet with many shards could lose far more than a quarter. So `massRemoval` is evaluated here, over all shards.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from ambient_components.access.buckets import sharing_refusals
from ambient_components.access.entries import Entry, Ledger
from ambient_components.access.guardrails import removed, too_many
from ambient_components.errors import Problem, refusal
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.printable import counted
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.refusals import Rule

APPROVED_VARIABLE: Final = "AMBIENT_APPROVED_REMOVALS"
"""Variable in the environment of a shard's engine: the `removals_digest` of the removals that were approved for the
fleet.
"""

_NAMED: Final = 10


def fleet_refusals(
    fleet: str,
    before: Mapping[str, Ledger],
    after: Mapping[str, Ledger],
    settings: GuardrailsRecord,
    now: datetime | None = None,
    homes: Mapping[str, str] | None = None,
) -> list[Problem]:
    """Return the refusals that stop the whole fleet. Those that one shard finds by itself stop only that shard.

    `before` includes shards beyond the fleet's number. `homes` is the stack of each workspace of the whole fleet;
    without it they are those of `after`.
    """
    if homes is None:
        homes = {name: stack for stack, ledger in after.items() for name in ledger}
    old, new = _united(before.values()), _united(after.values())
    refusals = [*_elsewhere(fleet, before, homes)]
    alone = {
        refused for stack, ledger in after.items() for refused in sharing_refusals(before.get(stack) or {}, ledger)
    }
    refusals += [refused for refused in sharing_refusals(old, new) if refused not in alone]
    if Guardrail.MASS_REMOVAL not in settings.exceptions:
        refusals += [refused.refusal for refused in too_many(old, new, now, "this fleet")]
    return refusals


def removals_digest(before: Ledger, after: Ledger, now: datetime | None = None) -> str:
    """Return a hash of the removals from one shard in this run; empty if there are none."""
    removals = removed(before, after, now)
    if not any(removals.values()):
        return ""
    return hashlib.sha256(json.dumps(removals, sort_keys=True).encode()).hexdigest()


def with_approved(
    settings: GuardrailsRecord, digest: str | None, before: Ledger, after: Ledger, now: datetime | None = None
) -> GuardrailsRecord:
    """Return a shard's settings; exactly the removals that the fleet approved are allowed.

    A digest of other removals, such as a leftover variable of a shell, allows nothing.
    """
    if not digest:
        return settings
    same = digest == removals_digest(before, after, now)
    allowed = {"exceptions": [*settings.exceptions, Guardrail.MASS_REMOVAL]}
    return settings.model_copy(update=allowed) if same else settings


def _united(ledgers: Iterable[Ledger]) -> dict[str, Entry]:
    return {name: entry for ledger in ledgers for name, entry in ledger.items()}


def _elsewhere(fleet: str, before: Mapping[str, Ledger], homes: Mapping[str, str]) -> Iterable[Problem]:
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
            f"{counted(len(moved), 'workspace')} {have} deployed by another shard than {they} "
            f"belong{'s' if len(moved) == 1 else ''} to ({shown}{more}): nothing is changed",
            f"move the state: ambient reshard {fleet}",
            rule=Rule.OTHER_SHARD,
            workspaces=(name for name, *_ in moved),
        )

"""Excluded workspaces: run the rest of a shard when some of its workspaces are refused. All functions are pure.

The ledger's check refuses a run as a whole, and so does the program where a secret is missing. `ambient up` over a
fleet then runs the shard once more, with the refused workspaces excluded: the engine neither makes, changes nor deletes
anything of theirs, also where the files no longer have them, and the ledger keeps the entries that they were deployed
with. A refusal says which workspaces it is about (`errors.Problem`).
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from ambient_components.engine import urns
from ambient_components.engine.names import parse_key_output
from ambient_components.errors import Problem, reject
from ambient_components.rules.refusals import Rule

EXCLUDE_VARIABLE: Final = "AMBIENT_EXCLUDE"
"""The environment variable by which `ambient up` passes the excluded workspaces to the program (`excluded_text`)."""

ROUNDS: Final = 3
"""Maximum number of repeated runs of a shard. Each exclusion can reveal further refusals."""

Excluded = Mapping[str, tuple[str, ...]]
"""The ids of the keys that the stack already exports, by excluded workspace."""

_SHAPE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")


def reasons(problems: Iterable[Problem]) -> dict[str, tuple[Problem, ...]] | None:
    """Return the refusals by workspace; None if one is about the shard as a whole, or if there are none.

    A lost state is: a run of the rest would write one, and the next run would end the accounts that it lacks.
    """
    refused: dict[str, dict[Problem, None]] = {}
    for problem in problems:
        if not problem.workspaces or problem.rule == Rule.UNKNOWN_ACCOUNTS:
            return None
        for name in problem.workspaces:
            refused.setdefault(name, {})[problem] = None
    return {name: tuple(why) for name, why in sorted(refused.items())} or None


def others(problems: Iterable[Problem], excluded: Collection[str]) -> list[Problem]:
    """Return the refusals that are not only about excluded workspaces."""
    return [problem for problem in problems if not problem.workspaces or not {*problem.workspaces} <= {*excluded}]


def with_excluded(excluded: Iterable[str], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ledger after a run that excludes workspaces: their entries stay as in the last deployment."""
    kept = set(excluded)
    changed = {name: entry for name, entry in after.items() if name not in kept}
    return {**changed, **{name: before[name] for name in kept & before.keys()}}


def exclude_flags(excluded: Iterable[str]) -> tuple[str, ...]:
    """Return the flags of `pulumi up` that exclude these workspaces and all resources named after them.

    The pattern of the workspace itself includes its type, because a workspace may have the name of the ledger or of a
    provider, and without the ledger no guardrail would be evaluated.
    """
    return tuple(
        flag
        for name in sorted(excluded)
        for pattern in (f"{urns.WORKSPACE}::{name}", f"{name}/**")
        for flag in ("--exclude", f"**::{pattern}")
    )


def keys_in(outputs: Iterable[str], workspaces: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the excluded workspaces with their exported keys, parsed from output names (WORKSPACE/KEY)."""
    exported: dict[str, list[str]] = {name: [] for name in sorted(workspaces)}
    for output in sorted(outputs):
        parsed = parse_key_output(output)
        if parsed and parsed[0] in exported:
            exported[parsed[0]].append(parsed[1])
    return {name: tuple(keys) for name, keys in exported.items()}


def excluded_text(excluded: Excluded) -> str:
    return json.dumps({name: list(keys) for name, keys in excluded.items()}, sort_keys=True)


def excluded_of(environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the excluded workspaces of this run, from its environment."""
    text = environ.get(EXCLUDE_VARIABLE, "")
    if not text:
        return {}
    try:
        reported = json.loads(text)
    except ValueError:
        reported = None
    if not isinstance(reported, dict) or not all(
        _SHAPE.fullmatch(name) and _is_ids(keys) for name, keys in reported.items()
    ):
        reject(f"the environment variable {EXCLUDE_VARIABLE} is only for ambient up to set", "unset it")
    return {name: tuple(keys) for name, keys in reported.items()}


def _is_ids(keys: Any) -> bool:
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys)

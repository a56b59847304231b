"""Workspaces that a run leaves as they are, so that one that is refused does not stop all others of its shard. Pure.

The ledger's check refuses a run as a whole, and so does the program where a secret is missing. `ambient up` over a
fleet then runs the shard once more, with the refused workspaces held: the engine neither makes, changes nor deletes
anything of theirs, also where the files no longer have them, and the ledger keeps the entries that they were deployed
with. A refusal says which workspaces it is about (`errors.Problem`).
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from ambient_components.errors import Problem, reject

HOLD_VARIABLE: Final = "AMBIENT_HOLD"
"""Environment variable by which `ambient up` tells the program what is held: `hold_text`."""

ROUNDS: Final = 3
"""So many times a shard is run again: holding some reveals what else is refused."""

Held = Mapping[str, tuple[str, ...]]
"""By workspace the ids of those keys that the stack has outputs of already."""

_WORKSPACE: Final = "ambient:index:Workspace"
_SHAPE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")


def reasons(problems: Iterable[Problem]) -> dict[str, tuple[Problem, ...]] | None:
    """Why workspaces are refused, by name; None, where a refusal is about the shard as a whole, or there is none.

    Args:
        problems: all the refusals of one run.
    """
    found: dict[str, dict[Problem, None]] = {}
    for one in problems:
        if not one.workspaces:
            return None
        for name in one.workspaces:
            found.setdefault(name, {})[one] = None
    return {name: tuple(why) for name, why in sorted(found.items())} or None


def others(problems: Iterable[Problem], held: Collection[str]) -> list[Problem]:
    """The refusals that still stand where workspaces are held: nothing is done to those, so theirs refuse nothing."""
    return [one for one in problems if not one.workspaces or not {*one.workspaces} <= {*held}]


def as_held(held: Iterable[str], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """A ledger as it will be after a run: of what is held it has the entry of before, or none where there was none.

    Args:
        held: names of workspaces, also of such as the files no longer have.
        before: the ledger of the last deployment.
        after: the ledger that the files ask for.
    """
    kept = set(held)
    changed = {name: entry for name, entry in after.items() if name not in kept}
    return {**changed, **{name: before[name] for name in kept & before.keys()}}


def hold_flags(held: Iterable[str]) -> tuple[str, ...]:
    """Flags of `pulumi up` that keep the engine from these workspaces, and from all that is called after them.

    The workspace itself by its type as well: a workspace may be called like the ledger or a provider, without which
    nothing would be judged.
    """
    return tuple(
        flag
        for name in sorted(held)
        for pattern in (f"{_WORKSPACE}::{name}", f"{name}/**")
        for flag in ("--exclude", f"**::{pattern}")
    )


def keys_in(outputs: Iterable[str], workspaces: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What is held, out of the names of a stack's outputs: WORKSPACE/KEY.

    Args:
        outputs: their names.
        workspaces: those to hold.
    """
    found: dict[str, list[str]] = {name: [] for name in sorted(workspaces)}
    for output in sorted(outputs):
        name, _, key = output.partition("/")
        if key and name in found:
            found[name].append(key)
    return {name: tuple(keys) for name, keys in found.items()}


def hold_text(held: Held) -> str:
    """The value of `HOLD_VARIABLE`."""
    return json.dumps({name: list(keys) for name, keys in held.items()}, sort_keys=True)


def held_of(environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What a run is told to hold; empty, where it is told nothing.

    Raises:
        BadValue: the variable has another form.
    """
    text = environ.get(HOLD_VARIABLE, "")
    if not text:
        return {}
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict) or not all(_SHAPE.fullmatch(name) and _is_ids(keys) for name, keys in said.items()):
        reject(f"the environment variable {HOLD_VARIABLE} is only for ambient up to set", "unset it")
    return {name: tuple(keys) for name, keys in said.items()}


def _is_ids(keys: Any) -> bool:
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys)

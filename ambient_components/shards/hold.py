"""Excluded workspaces: run the rest of a shard when some of its workspaces are refused. All functions are pure.

The ledger's check refuses a run as a whole, and so does the program if a secret is missing. `ambient up` over a fleet
then runs the shard again without the refused workspaces: the engine creates, changes and deletes nothing in them, even
if the files no longer declare them, and the ledger keeps their deployed entries. The engine passes on only the message
of a refusal, so the workspace name is parsed from it.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

HOLD_VARIABLE: Final = "AMBIENT_HOLD"
"""The environment variable by which `ambient up` passes the excluded workspaces to the program (`hold_text`)."""

ROUNDS: Final = 3
"""Maximum number of repeated runs of a shard. Each exclusion can reveal further refusals."""

Held = Mapping[str, tuple[str, ...]]
"""The ids of the keys that the stack already exports, by excluded workspace."""

_WORKSPACE: Final = "ambient:index:Workspace"
_NAME: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SHAPE: Final = re.compile(_NAME)
# Matched only at the start: the rest may quote other stacks' namespaces or messages from a cluster or a store.
_OF_LEDGER: Final = re.compile(rf"(?:workspace|namespace) '({_NAME})'")
# The other workspace in a conflict over a bucket. Excluding only one of them would let the other take it.
_OTHER: Final = re.compile(rf"^[^:]+: bucket '[^']*' (?:is the bucket of|was deployed as) workspace '({_NAME})'")
_OF_FILES: Final = re.compile(rf"(?:error: )?(?:\S.*?: )?workspaces\.({_NAME})[.:\[]")


def refused(text: str) -> frozenset[str]:
    """Return the workspaces that a refusal is about. Empty if it is about the shard as a whole.

    A conflict over a bucket names two workspaces, because only a person can decide which one is wrong.

    Args:
        text: One reason from the ledger's check, or one line of the program about a missing secret.
    """
    if found := _OF_LEDGER.match(text):
        other = _OTHER.match(text)
        return frozenset({found[1], *([other[1]] if other else [])})
    if found := _OF_FILES.match(text):
        return frozenset({found[1]})
    return frozenset()


def of_ledger(text: str) -> bool:
    """Tell whether a refusal comes from the ledger's check (a guardrail or a rule) and not from a missing secret."""
    return _OF_LEDGER.match(text) is not None


def reasons(texts: Iterable[str]) -> dict[str, tuple[str, ...]] | None:
    """Return the refusals by workspace. None if there are none, or if one is about the shard as a whole.

    Args:
        texts: All refusals of one run.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        names = refused(text)
        if not names:
            return None
        for name in sorted(names):
            found.setdefault(name, []).append(text)
    return {name: tuple(dict.fromkeys(texts)) for name, texts in sorted(found.items())} or None


def others(problems: Iterable[str], held: Collection[str]) -> list[str]:
    """Return the refusals that are not only about excluded workspaces."""
    return [text for text in problems if not (names := refused(text)) or not names <= set(held)]


def as_held(held: Iterable[str], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ledger after a run that excludes workspaces: their entries stay as in the last deployment.

    Args:
        held: Names of the excluded workspaces, including ones that the files no longer declare.
        before: The ledger of the last deployment.
        after: The declared ledger.
    """
    kept = set(held)
    changed = {name: entry for name, entry in after.items() if name not in kept}
    return {**changed, **{name: before[name] for name in kept & before.keys()}}


def hold_flags(held: Iterable[str]) -> tuple[str, ...]:
    """Return the flags of `pulumi up` that exclude these workspaces and all resources named after them.

    The pattern of the workspace itself includes its type, because a workspace may have the name of the ledger or of a
    provider, and without the ledger no guardrail would be evaluated.
    """
    return tuple(
        flag
        for name in sorted(held)
        for pattern in (f"{_WORKSPACE}::{name}", f"{name}/**")
        for flag in ("--exclude", f"**::{pattern}")
    )


def keys_in(outputs: Iterable[str], workspaces: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the excluded workspaces with their exported keys, parsed from output names (WORKSPACE/KEY).

    Args:
        outputs: Names of the stack's outputs.
        workspaces: The excluded workspaces.
    """
    found: dict[str, list[str]] = {name: [] for name in sorted(workspaces)}
    for output in sorted(outputs):
        name, _, key = output.partition("/")
        if key and name in found:
            found[name].append(key)
    return {name: tuple(keys) for name, keys in found.items()}


def hold_text(held: Held) -> str:
    """Return the value of `HOLD_VARIABLE`."""
    return json.dumps({name: list(keys) for name, keys in held.items()}, sort_keys=True)


def held_of(environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the excluded workspaces of this run, from its environment.

    Raises:
        ValueError: The variable is invalid. The message names it.
    """
    text = environ.get(HOLD_VARIABLE, "")
    if not text:
        return {}
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict) or not all(_SHAPE.fullmatch(name) and _is_ids(keys) for name, keys in said.items()):
        msg = f"the environment variable {HOLD_VARIABLE} is only for ambient up to set: unset it"
        raise ValueError(msg)
    return {name: tuple(keys) for name, keys in said.items()}


def _is_ids(keys: Any) -> bool:
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys)

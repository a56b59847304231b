"""Workspaces that a run leaves as they are, so that one that is refused does not stop all others of its shard. Pure.

The ledger's check refuses a run as a whole, and so does the program where a secret is missing. `ambient up` over a
fleet then runs the shard once more, with the refused workspaces held: the engine neither makes, changes nor deletes
anything of theirs, also where the files no longer have them, and the ledger keeps the entries that they were deployed
with. Whose a refusal is, is read from its text, as the engine hands on nothing else of it.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

HOLD_VARIABLE: Final = "AMBIENT_HOLD"
"""Environment variable by which `ambient up` tells the program what is held: `hold_text`."""

ROUNDS: Final = 3
"""So many times a shard is run again: holding some reveals what else is refused."""

Held = Mapping[str, tuple[str, ...]]
"""By workspace the ids of those keys that the stack has outputs of already."""

_WORKSPACE: Final = "ambient:index:Workspace"
_NAME: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SHAPE: Final = re.compile(_NAME)
# At the beginning of a text: what follows may quote other stacks' namespaces, and the words of a cluster or a store.
_OF_LEDGER: Final = re.compile(rf"(?:workspace|namespace) '({_NAME})'")
# The other party of a bucket that two workspaces want: no one of them may have its way while the other is held.
_OTHER: Final = re.compile(rf"^[^:]+: bucket '[^']*' (?:is the bucket of|was deployed as) workspace '({_NAME})'")
_OF_FILES: Final = re.compile(rf"(?:error: )?(?:\S.*?: )?workspaces\.({_NAME})[.:\[]")


def refused(text: str) -> frozenset[str]:
    """The workspaces that one refusal is about; empty, where it is about the shard as a whole.

    Two of them where they want one bucket: which of the two is wrong, only people know.

    Args:
        text: one reason of the ledger's check, or one line of a program that found a secret missing.
    """
    if found := _OF_LEDGER.match(text):
        other = _OTHER.match(text)
        return frozenset({found[1], *([other[1]] if other else [])})
    if found := _OF_FILES.match(text):
        return frozenset({found[1]})
    return frozenset()


def of_ledger(text: str) -> bool:
    """Whether a refusal of a workspace is one of the ledger's check, a rail or a rule, and no missing secret."""
    return _OF_LEDGER.match(text) is not None


def reasons(texts: Iterable[str]) -> dict[str, tuple[str, ...]] | None:
    """Why workspaces are refused, by name; None, where a refusal is about the shard as a whole, or there is none.

    Args:
        texts: all the refusals of one run, each by itself.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        whose = refused(text)
        if not whose:
            return None
        for name in sorted(whose):
            found.setdefault(name, []).append(text)
    return {name: tuple(dict.fromkeys(texts)) for name, texts in sorted(found.items())} or None


def others(problems: Iterable[str], held: Collection[str]) -> list[str]:
    """The refusals that still stand where workspaces are held: nothing is done to those, so theirs refuse nothing."""
    return [text for text in problems if not (whose := refused(text)) or not whose <= set(held)]


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
        ValueError: the variable has another form; the text names it.
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

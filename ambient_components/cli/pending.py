"""What a plan holds besides the change of some keys: `--now` deploys nothing that nobody asked for.

Of a plan as `pulumi preview --json` prints it. Pure.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.access.ledger import LEDGER_TYPE
from ambient_components.naming import logical_key

_QUIET: Final = frozenset({"same", "read", "refresh"})
_STACK: Final = "pulumi:pulumi:Stack"
_GENERATION = re.compile(r"g[0-9]+")
# As `access.tree` writes it, and the engine hands it on.
_PART = re.compile(r'\.?([A-Za-z_$][A-Za-z0-9_$]*)|\["((?:[^"\\]|\\.)*)"\]')


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the engine would do."""

    op: str
    """In the engine's words: create, update, replace, delete, …"""

    name: str
    """The logical name; of the ledger with the path of what changes."""

    kind: str = field(default="", compare=False)
    """The last part of the resource's type, such as ServiceAccount."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What a plan holds."""

    keys: tuple[Step, ...]
    """What is done for the keys."""

    others: tuple[Step, ...]
    """All else."""


def pending(plan: Mapping[str, Any], keys: Collection[tuple[str, str]]) -> Pending:
    """Sort what a plan would do into what some keys need, and all else.

    Args:
        plan: The document.
        keys: Workspace and id of each key.
    """
    own: list[Step] = []
    others: list[Step] = []
    names = {logical_key(workspace, key_id) for workspace, key_id in keys}
    steps = plan.get("steps") or []
    for step in steps:
        # A name may hold `::`, as that of a grant to a service account does.
        *_, kind, name = str(step["urn"]).split("::", 3)
        kind, op = kind.rpartition("$")[2], str(step["op"])
        if kind == _STACK:
            continue
        if op in _QUIET:
            # The engine calls it the same, and lists it, where only its protection changes.
            if _protected(step, "oldState") != _protected(step, "newState"):
                others.append(Step("protect", name))
        elif kind == LEDGER_TYPE:
            foreign = list(_foreign(step, keys))
            others += (Step(op, f"{name} {path}".rstrip()) for path in foreign)
            own += [] if foreign else [Step(op, name)]
        else:
            (own if _is_of(name, names) else others).append(Step(op, name, kind.rpartition(":")[2]))
    if not steps:
        # The stack itself is always listed: this is a plan of a form that nobody knows.
        others += (Step(op, f"{count} resources") for op, count in _changes(plan).items())
    return Pending(tuple(own), tuple(others))


def _is_of(name: str, keys: Collection[str]) -> bool:
    key, _, generation = name.rpartition("/")
    return name in keys or (key in keys and _GENERATION.fullmatch(generation) is not None)


def _foreign(step: Mapping[str, Any], keys: Collection[tuple[str, str]]) -> Iterator[str]:
    """Return the paths that change and are none of the keys'; one that says nothing where the whole ledger does."""
    paths = step.get("detailedDiff") or {}
    if step["op"] != "update" or not paths:
        yield ""
    for path in paths:
        match _parts(path):
            case ["workspaces", workspace, "keys", key, *_] if (workspace, key) in keys:
                continue
            case ["record"]:
                continue  # a shard's run record, which follows the ledger
            case _:
                yield path


def _parts(path: str) -> list[str]:
    """Return the keys of a property path; nothing where it is written otherwise than ours."""
    parts, at = [], 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            return []
        parts.append(match[1] or re.sub(r"\\(.)", r"\1", match[2]))
        at = match.end()
    return parts


def _protected(step: Mapping[str, Any], state: str) -> bool:
    return bool((step.get(state) or {}).get("protect"))


def _changes(plan: Mapping[str, Any]) -> dict[str, int]:
    return {op: count for op, count in (plan.get("changeSummary") or {}).items() if op not in _QUIET}

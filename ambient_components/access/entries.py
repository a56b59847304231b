"""The access ledger as typed data: entries of workspaces with grants, keys and bucket. Contains no secrets.

`read_ledger` reads the data of a state or a preview and never fails. `ledger_misfits` is the strict check of new
inputs. `write_ledger` returns the plain data to record.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ambient_components.errors import PathPart, Problem, Remedy, refusal
from ambient_components.model.derive import misfits, read, write
from ambient_components.model.entries import NOTHING, STORAGE, Entry
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.rules.findings import Finding
from ambient_components.rules.refusals import Rule

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True)
class PathChange:
    """One difference, such as ``workspaces.payments.grants["group:devs"]``, and its kind."""

    path: str
    kind: Literal["add", "delete", "update"]


def child(path: str, key: str) -> str:
    """Return the path of a key below a path, quoted if necessary."""
    if _PLAIN.fullmatch(key):
        return f"{path}.{key}" if path else key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{escaped}"]'


def path_of(parts: Iterable[PathPart]) -> str:
    """Return a path such as ``keys.ci.role``, ``owners[0]`` or ``grants["user:bob"]``."""
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else child(path, part)
    return path


def changed_paths(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[PathChange]:
    """Yield all differences at their deepest path; an added or removed mapping is one difference."""
    for key in sorted({*before, *after}):
        here = child(path, key)
        if key not in after:
            yield PathChange(here, "delete")
        elif key not in before:
            yield PathChange(here, "add")
        elif isinstance(before[key], Mapping) and isinstance(after[key], Mapping):
            yield from changed_paths(before[key], after[key], here)
        elif before[key] != after[key]:
            yield PathChange(here, "update")


__all__ = [
    "NOTHING",
    "STORAGE",
    "Entry",
    "Ledger",
    "ledger_in",
    "ledger_misfits",
    "misfit_problems",
    "read_entry",
    "read_ledger",
    "unnamed_refusal",
    "workspace_refusal",
    "write_entry",
    "write_ledger",
]

Ledger = Mapping[str, Entry]
"""Entries by workspace name."""


def read_entry(entry: Any) -> Entry:
    """Read an entry from a state, a preview or a run record; leave out what is malformed."""
    return read(Entry, "ledger", entry)


def write_entry(entry: Entry) -> dict[str, Any]:
    return write(entry, "ledger")


def read_ledger(workspaces: Any) -> dict[str, Entry]:
    """Read a ledger from a state, a preview or a run record; leave out what is malformed."""
    if not isinstance(workspaces, Mapping):
        return {}
    return {str(name): read_entry(entry) for name, entry in workspaces.items()}


def ledger_in(inputs: Mapping[str, Any] | None) -> dict[str, Entry]:
    """Read the ledger in the inputs of an AccessLedger; empty for None, or without a ledger in them."""
    return read_ledger((inputs or {}).get("workspaces"))


def write_ledger(ledger: Ledger) -> dict[str, dict[str, Any]]:
    return {name: write_entry(entry) for name, entry in ledger.items()}


def ledger_misfits(workspaces: Mapping[str, Any]) -> dict[str, list[Finding]]:
    """Check new entries. The stack file's checks guarantee their form, a program that uses the library may not."""
    misfits_by_workspace = {name: [*misfits(Entry, "ledger", entry)] for name, entry in sorted(workspaces.items())}
    return {name: problems for name, problems in misfits_by_workspace.items() if problems}


def guardrail_misfits(guardrails: Any) -> list[Finding]:
    """Check new guardrails. A setting without a value is none: it would switch a recorded guardrail off."""
    path = ("guardrails",)
    given = guardrails if isinstance(guardrails, Mapping) else {}
    empty = [
        Finding((*path, str(name)), "has no value", "leave it out for its default")
        for name, value in given.items()
        if value is None
    ]
    return empty or [*misfits(GuardrailsRecord, "ledger", guardrails, path)]


def misfit_problems(misfits_by_workspace: Mapping[str, Iterable[Finding]]) -> list[Problem]:
    return [
        workspace_refusal(
            name,
            f"{path_of(misfit.path) or 'its entry in the ledger'}: {misfit.problem}",
            misfit.remedy,
            rule=Rule.ENTRY_FORM,
        )
        for name, problems in misfits_by_workspace.items()
        for misfit in problems
    ]


def workspace_refusal(workspace: str, problem: str, *hints: Remedy, rule: str) -> Problem:
    return refusal(f"workspace {workspace!r}: {problem}", *hints, rule=rule, workspaces=(workspace,))


def unnamed_refusal(workspace: str, problem: str, *hints: str) -> Problem:
    """Refuse what no guardrail has evaluated: an object that the program's ledger does not name."""
    return refusal(
        f"{problem}, so no guardrail has evaluated its access",
        "in a program with Workspaces: declare it there, a grant or key in its workspace, and not beside it",
        "with an AccessLedger of your own: add it to the entry of the workspace, use the ledger's provider, and depend "
        "on the ledger: depends_on=[ledger]",
        *hints,
        "without guardrails: give it a provider that says so: providers=ClusterProviders.of(NAME, unguarded=True).both",
        "in other languages than Python: declare it in Workspaces, or set ambient:unguarded in the stack's config",
        rule=Rule.UNNAMED_WORKSPACE,
        workspaces=(workspace,),
    )

"""The access ledger as typed data: entries of workspaces with grants, keys and bucket. Contains no secrets.

`read_ledger` reads the data of a state or a preview and never fails. `ledger_misfits` is the strict check of new
inputs. `write_ledger` returns the plain data to record.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ambient_components.access.path_changes import path_of
from ambient_components.errors import Problem, hints_of, refusal
from ambient_components.model.derive import misfits, read, write
from ambient_components.model.entries import NOTHING, STORAGE, Entry
from ambient_components.rules.findings import Finding
from ambient_components.rules.refusals import Rule

__all__ = [
    "NOTHING",
    "STORAGE",
    "Entry",
    "Ledger",
    "ledger_misfits",
    "misfit_problems",
    "read_entry",
    "read_ledger",
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


def write_ledger(ledger: Ledger) -> dict[str, dict[str, Any]]:
    return {name: write_entry(entry) for name, entry in ledger.items()}


def ledger_misfits(workspaces: Mapping[str, Any]) -> dict[str, list[Finding]]:
    """Check new entries. The stack file's checks guarantee their form, a program that uses the library may not."""
    found = {name: [*misfits(Entry, "ledger", entry)] for name, entry in sorted(workspaces.items())}
    return {name: problems for name, problems in found.items() if problems}


def misfit_problems(found: Mapping[str, Iterable[Finding]]) -> list[Problem]:
    return [
        refusal(
            f"workspace {name!r}: {path_of(misfit.path) or 'its entry in the ledger'}: {misfit.problem}",
            hints_of(misfit.remedy),
            rule=Rule.ENTRY_FORM,
            workspaces=(name,),
        )
        for name, problems in found.items()
        for misfit in problems
    ]

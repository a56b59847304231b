"""What an adoption found, for the person who reviews it: counts, guardrails, keys out of use, spread subjects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ambient_components.access.entries import Ledger
from ambient_components.access.guardrails import existing_violations
from ambient_components.access.violations import persons
from ambient_components.adoption.notes import Note
from ambient_components.adoption.workspaces import ExistingWorkspace
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.printable import counted
from ambient_components.rules.guardrail_names import Guardrail

STALE_AFTER: Final = timedelta(days=90)
"""A key of which no use was seen for this long is reported: the default lifetime of the platform's tokens."""

_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Summary:
    workspaces: int
    owners: int
    grants: int
    keys: int
    guardrails: Mapping[str, tuple[str, ...]]
    """Workspaces by the guardrail that their existing access violates."""
    stale_keys: Mapping[tuple[str, str], datetime | None]
    """Last use of keys that may be out of use, by workspace and id. The platform's backend records no use of the
    Kubernetes API.
    """
    spread: Mapping[str, tuple[str, ...]]
    """Workspaces by subject, of subjects in at least two of them."""
    notes: tuple[Note, ...]
    exceptions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Workspaces by the guardrail that their entries have an exception from."""
    until: str = ""

    def document(self) -> dict[str, Any]:
        return {
            "counts": {
                "workspaces": self.workspaces, "owners": self.owners, "grants": self.grants, "keys": self.keys,
            },
            "exceptions": {
                "until": self.until or None,
                "workspaces": {name: list(where) for name, where in self.exceptions.items()},
            },
            "guardrails": {name: list(where) for name, where in self.guardrails.items()},
            "staleKeys": [
                {
                    "workspace": workspace,
                    "key": key_id,
                    "lastUsed": used.isoformat().replace("+00:00", "Z") if used else None,
                }
                for (workspace, key_id), used in self.stale_keys.items()
            ],
            "subjectsInSeveralWorkspaces": {who: list(where) for who, where in self.spread.items()},
            "notes": [
                {
                    "workspace": note.workspace, "rule": note.rule, "what": note.what, "hints": list(note.hints),
                    "object": note.object or None, "subject": note.subject or None, "role": note.role or None,
                }
                for note in self.notes
            ],
        }  # fmt: skip


def summarize(
    workspaces: Sequence[ExistingWorkspace], ledger: Ledger, settings: GuardrailsRecord, now: datetime
) -> Summary:
    stale = {
        (workspace.name, key_id): used
        for workspace in sorted(workspaces, key=lambda each: each.name)
        for key_id, used in sorted(workspace.key_use.items())
        if used is None or now - used > STALE_AFTER
    }
    places: dict[str, list[str]] = {}
    for name, entry in sorted(ledger.items()):
        for who in sorted({*entry.owners, *entry.grants}):
            places.setdefault(who, []).append(name)
    return Summary(
        len(workspaces),
        sum(len(entry.owners) for entry in ledger.values()),
        sum(len(entry.grants) for entry in ledger.values()),
        sum(len(entry.keys) for entry in ledger.values()),
        violations(ledger, settings, now),
        stale,
        {who: tuple(where) for who, where in sorted(places.items()) if len(where) >= _SEVERAL},
        tuple(note for workspace in workspaces for note in workspace.notes),
    )


def violations(ledger: Ledger, settings: GuardrailsRecord, now: datetime) -> dict[str, tuple[str, ...]]:
    """Return the workspaces by the guardrail that their existing access violates, with and without exceptions.

    Admin keys beside editors and workspaces without an admin are included even where the stack allows them.
    """
    strict = settings.model_copy(update={"isolate_admin_keys": True})
    workspaces: dict[str, set[str]] = {}
    for violation in existing_violations(ledger, strict, now):
        if violation.workspace is not None:
            workspaces.setdefault(violation.guardrail, set()).add(violation.workspace)
    workspaces.setdefault(Guardrail.NO_ADMIN, set()).update(
        name for name, entry in ledger.items() if not persons(entry)
    )
    return {str(guardrail): tuple(sorted(names)) for guardrail, names in sorted(workspaces.items()) if names}


def counts(summary: Summary) -> str:
    return (
        f"{counted(summary.workspaces, 'workspace')}, {counted(summary.owners, 'owner')}, "
        f"{counted(summary.grants, 'grant')}, {counted(summary.keys, 'key')}"
    )


def sections(summary: Summary) -> list[tuple[str, list[str]]]:
    groups = [
        ("Existing access that guardrails refuse in new changes", _by_guardrail(summary.guardrails)),
        (
            f"Keys without a recorded use in {STALE_AFTER.days} days (requests to the Kubernetes API are not recorded)",
            [
                f"{workspace}/{key_id}: {f'last used {used:%Y-%m-%d}' if used else 'no recorded use'}"
                for (workspace, key_id), used in summary.stale_keys.items()
            ],
        ),
        ("Subjects in several workspaces", [f"{who}: {len(names)}" for who, names in summary.spread.items()]),
        (
            f"Exceptions from guardrails, until {summary.until}: remove the access or the exception",
            _by_guardrail(summary.exceptions),
        ),
        ("Not in the files", _notes(summary)),
    ]
    return [(heading, lines) for heading, lines in groups if lines]


def _by_guardrail(workspaces: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{guardrail}: {', '.join(names)}" for guardrail, names in workspaces.items()]


def _notes(summary: Summary) -> list[str]:
    by_rule: dict[str, list[Note]] = {}
    for note in summary.notes:
        by_rule.setdefault(note.rule, []).append(note)
    return [
        f"{rule}: {notes[0].workspace}: {notes[0].what}" + (f" (and {len(notes) - 1} more)" if len(notes) > 1 else "")
        for rule, notes in by_rule.items()
    ]

"""Escalation paths of the role edit itself, which only another role removes."""

from collections.abc import Iterator, Mapping
from typing import Final

from ambient_components.access.escalation.findings import Finding, Path, Severity
from ambient_components.access.escalation.minted import LESS
from ambient_components.access.escalation.place import Place
from ambient_components.contract import RUNNER_SECRET

_WAYS: Final[Mapping[Path, tuple[str, str, str]]] = {
    # can, how, remedy
    Path.PLATFORM_ACCOUNT: (
        "read every Secret of the namespace by name, as a session",
        "edit may mint tokens of the platform's own accounts too, ambient-session-NAME and ambient-session-trigger",
        "secrets: only what every session may know",
    ),
    Path.RUNNER_SECRET: (
        "read the keys of the language models",
        f"edit may get the Secret {RUNNER_SECRET}, and no other one",
        "secrets.runner: a key for this workspace alone, with a budget of its own",
    ),
    Path.GRANTS_EDIT: (
        "give edit to others, past the files",
        "edit may make ServiceAccounts, and RoleBindings for edit, though for neither view nor admin; what is made so "
        "stays when the own access ends",
        "heed what every preview says of access that others gave",
    ),
    Path.REMOVES_ACCESS: (
        "take others' access away, an admin's too",
        "edit may delete every RoleBinding of the namespace",
        "pulumi up --refresh gives back what the files say",
    ),
}


def of_edit(place: Place) -> Iterator[Finding]:
    """Find what edit allows besides running sessions; removing others' access only if there are others."""
    alone = len({holding.subject for holding in place.holdings}) == 1
    for path, (can, how, remedy) in _WAYS.items():
        if place.editors and not (alone and path is Path.REMOVES_ACCESS):
            yield Finding(place.name, path, Severity.LOW, place.editors, can, None, how, (LESS, remedy))

"""Checks of subjects: names that a reviewer would read as another user's or group's."""

from collections.abc import Iterator

from ambient_components.lookalikes import lookalike
from ambient_components.rules.findings import Finding, Path
from ambient_components.spec.models import Workspace


def check_subjects(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Warn of owners and grants with names that look like others. Kubernetes compares byte by byte."""
    named = [((*path, "owners", index), owner.name) for index, owner in enumerate(workspace.owners)]
    for index, grant in enumerate(workspace.grants):
        named.append(((*path, "grants", index, str(grant.subject.kind)), grant.subject.name))
    for here, name in named:
        if why := lookalike(name):
            remedy = "make sure that the identity provider has it so, or type it again"
            yield Finding(here, f"{name!a} {why}", remedy, warning=True)

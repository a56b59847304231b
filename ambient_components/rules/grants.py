"""Rules for grants and owners: valid subjects, and collisions of object names."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambient_components.errors import BadValue, reject
from ambient_components.platform.contract import Role
from ambient_components.platform.naming import grant_binding, owner_binding
from ambient_components.platform.subjects import Subject, SubjectKind, parse_subject
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.keys import role_findings


class ObjectNames:
    """Object names of subjects, to find two subjects with the same name.

    The platform's sanitisers can produce the same name for different subjects. Contract 1.6.
    """

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy
        self._taken: dict[str, tuple[Path, str]] = {}

    def add(self, path: Path, subject: str, name: str) -> Iterator[Finding]:
        """Add a subject, and find another subject with the same object name."""
        taken, other = self._taken.setdefault(name, (path, subject))
        if other != subject:
            problem = f"{subject!r} and {other!r} both become the RoleBinding {name!r}"
            yield Finding(path, problem, self._remedy, taken)


def owner_names() -> ObjectNames:
    """Return an `ObjectNames` for the owner bindings of one workspace."""
    return ObjectNames("make one of them an admin under grants")


def grant_names() -> ObjectNames:
    """Return an `ObjectNames` for the grants of one workspace."""
    return ObjectNames("give one of them another role, or access through a group")


def grantee(text: str) -> Subject:
    """Read the subject of a grant.

    Raises:
        BadValue: It is none, or a service account's.
    """
    subject = parse_subject(text)
    if subject.kind is SubjectKind.SERVICE_ACCOUNT:
        reject(f"{text!r}: the platform grants to users and groups only", "for a program declare a key")
    return subject


def owner_findings(owners: Iterable[str]) -> Iterator[Finding]:
    names = owner_names()
    for index, owner in enumerate(owners):
        try:
            yield from names.add((index,), owner, owner_binding(parse_subject(owner)))
        except BadValue as error:
            yield Finding((index,), error.problem, error.hints)


def grant_findings(grants: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Find problems of a component's grants: at most one per subject, compared without case."""
    names = grant_names()
    seen: set[str] = set()
    for index, grant in enumerate(grants):
        text, role = str(grant["subject"]), grant.get("role")
        if text.lower() in seen:
            yield Finding((index,), f"{text} has a grant already", "keep one grant a subject")
        seen.add(text.lower())
        try:
            subject = grantee(text)
        except BadValue as error:
            yield Finding((index, "subject"), error.problem, error.hints)
            continue
        if wrong := list(role_findings((index, "role"), role)):
            yield from wrong
        else:
            yield from names.add((index,), text, grant_binding(Role(role or Role.VIEW), subject))

"""Expected RoleBindings and ServiceAccounts of a workspace, and comparison with the cluster's."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.access.entries import Entry
from ambient_components.cluster.objects import finalizers, labels, listing, role_ref, short, subjects
from ambient_components.errors import BadValue
from ambient_components.platform.bindings import BindingForm, grant_form, key_form, owner_form
from ambient_components.platform.contract import ROLES, Role, cluster_role
from ambient_components.platform.subjects import Subject, parse_subject

ROLE_BINDING: Final = "RoleBinding"
SERVICE_ACCOUNT: Final = "ServiceAccount"


@dataclass(frozen=True, slots=True)
class Expected:
    kind: str
    name: str
    labels: Mapping[str, str]
    """Labels that the platform selects on; without them it does not list the object."""
    role: Role | None = None
    subject: Subject | None = None
    """The only subject of a RoleBinding."""

    def differences(self, there: Mapping[str, Any]) -> list[str]:
        """Return descriptions of differences that affect access."""
        return [f"{self.kind} {self.name} {how}" for how in self._differences(there)]

    def _differences(self, there: Mapping[str, Any]) -> Iterator[str]:
        if self.role and self.subject:
            subject, role = str(self.subject), f"ClusterRole/{cluster_role(self.role)}"
            named = dict.fromkeys(subjects(there))
            strangers = [other for other in named if other != subject]
            if strangers:
                yield f"also names {listing(strangers)}"
            if subject not in named:
                yield f"does not name {subject}"
            if (bound := role_ref(there)) != role:
                yield f"binds {short(bound)} and not {role}"
        there_labels = labels(there)
        lost = [f"{label}={value}" for label, value in self.labels.items() if there_labels.get(label) != value]
        if lost:
            yield f"lacks the label {' and '.join(lost)}"

    def gives_another_role(self, there: Mapping[str, Any]) -> bool:
        return self.role is None or role_ref(there) != f"ClusterRole/{cluster_role(self.role)}"

    def kept_by(self, there: Mapping[str, Any]) -> list[str]:
        """Return a description of the object's finalizers, which keep it after its deletion."""
        kept = finalizers(there)
        return [f"{self.kind} {self.name} ({listing(kept)})"] if kept else []


def expected_objects(workspace: str, entry: Entry) -> dict[tuple[str, str], Expected]:
    """Return all objects that carry an entry's access, by kind and name."""
    objects = [*(item for _, _, item in subject_bindings(entry)), *_of_keys(workspace, entry)]
    return {(item.kind, item.name): item for item in objects}


def subject_bindings(entry: Entry) -> Iterator[tuple[str, Subject, Expected]]:
    """Yield the text of each owner and grant, its subject and its RoleBinding.

    A state or a run record can have what no run of this version has written. A role or a subject that is none has no
    object.
    """
    for text, subject in _subjects(entry.owners):
        yield text, subject, _binding(owner_form(subject))
    for text, subject in _subjects(text for text, role in entry.grants.items() if role in ROLES):
        yield text, subject, _binding(grant_form(Role(entry.grants[text]), subject))


def _subjects(texts: Iterable[str]) -> Iterator[tuple[str, Subject]]:
    for text in texts:
        with suppress(BadValue):
            yield text, parse_subject(text)


def _of_keys(workspace: str, entry: Entry) -> Iterator[Expected]:
    for key_id, key in entry.keys.items():
        for generation in key.generations if key.role in ROLES else ():
            yield from expected_key(workspace, key.account(workspace, key_id, generation), Role(key.role))


def expected_key(workspace: str, account: str, role: Role) -> tuple[Expected, Expected]:
    """Return the ServiceAccount and the RoleBinding of a key's identity."""
    form = key_form(role, workspace, account, label="")
    return Expected(SERVICE_ACCOUNT, account, form.labels), _binding(form)


def _binding(form: BindingForm) -> Expected:
    return Expected(ROLE_BINDING, form.name, form.labels, form.role, form.subject)

"""``ambient:index:RoleBinding``: one RoleBinding, kept equal to its declaration whatever others write."""

from collections.abc import Mapping
from itertools import chain, repeat
from typing import Any, Final

from ambient_components.cluster.objects import mapping, mappings, observed
from ambient_components.cluster.revocation import ROLE_BINDING
from ambient_components.engine import urns
from ambient_components.errors import Problem, refusal
from ambient_components.platform.contract import RBAC_API_GROUP
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.workspace.access_object import AccessObject, observed_metadata

_SHOWN: Final = 20
"""Maximum number of subjects shown: a workspace user may write thousands."""
_FIELDS: Final = ("kind", "apiGroup", "name", "namespace")


class RoleBinding(AccessObject):
    """The resource type.

    A binding contains no credential, so an existing one with the same name and role is overwritten. The API server
    refuses to change the role of a binding: one with another role is deleted and recreated.
    """

    token = urns.ROLE_BINDING
    kind = ROLE_BINDING
    api_version = f"{RBAC_API_GROUP}/v1"

    def problems(self, news: Values) -> list[Problem]:
        problems = [] if isinstance(news.get("roleRef"), Mapping) else [refusal("roleRef is missing")]
        subjects = news.get("subjects")
        if not isinstance(subjects, list) or not all(isinstance(subject, Mapping) for subject in subjects):
            problems.append(refusal("subjects: a list of subjects is expected"))
        return problems

    def content(self, news: Values) -> dict[str, Any]:
        return {"subjects": list(news["subjects"]), "roleRef": dict(news["roleRef"])}

    def can_take_over(self, live: Mapping[str, Any], news: Values, uid: str | None) -> bool:  # noqa: ARG002
        return bool(_role(live) == _role(news))

    def observed_inputs(self, live: Mapping[str, Any], inputs: Values) -> dict[str, Any]:
        there = [_subject(subject) for subject in mappings(live.get("subjects"))]
        declared = [_subject(subject) for subject in inputs["subjects"]]
        subjects = [observed(*pair) for pair in zip(there[:_SHOWN], chain(declared, repeat(None)), strict=False)]
        if len(there) > _SHOWN:
            subjects.append({"name": f"and {len(there) - _SHOWN} more"})
        return {
            **inputs,
            "metadata": observed_metadata(live, inputs),
            "roleRef": inputs["roleRef"] if _role(live) == _role(inputs) else observed(_role(live), None),
            "subjects": inputs["subjects"] if there == declared else subjects,
        }


def _role(values: Mapping[str, Any]) -> dict[str, str]:
    role = mapping(values.get("roleRef"))
    return {name: str(role.get(name) or "") for name in ("apiGroup", "kind", "name")}


def _subject(subject: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(subject[name]) for name in _FIELDS if subject.get(name)}

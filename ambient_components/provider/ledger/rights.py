"""The deployer's rights in the cluster, checked before a run changes anything."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from ambient_components.access.deployer import Feature, Right, rights_for
from ambient_components.cluster.client import ApiError, Cluster, path
from ambient_components.cluster.objects import Json, mapping, mappings
from ambient_components.cluster.parallel import in_parallel
from ambient_components.platform.contract import GUARD_API_GROUP, GUARD_BYPASS
from ambient_components.rules.guard import GuardTopic

_API: Final = ("apis", "authorization.k8s.io", "v1")
_VERSION: Final = "authorization.k8s.io/v1"
_ALL: Final = "*"

_NOWHERE: Final = "no.namespace"
"""No namespace can have this name, so none of its RoleBindings count: what applies in it applies in all namespaces."""

_PROOF: Final = ("namespaces", "create")
"""The right that is always asked for by itself. OpenShift's scopes of a token deny it without a word in the rules."""

_UNSERVED: Final = frozenset({403, 404, 405})


def missing_rights(cluster: Cluster, features: Collection[Feature]) -> list[Right]:
    """Return the rights for these features that the cluster denies to this identity, sorted.

    One request lists the rules of this identity. A right that none of them grants is asked for by itself. So is every
    right if the rules are not all that decides: if the cluster says that they are incomplete, as with a webhook of a
    cloud, or if it denies what they grant.
    """
    rights, rules = rights_for(features), _rules(cluster)
    doubtful = [right for right in rights if _is_proof(right) or not any(_grants(rule, right) for rule in rules)]
    missing = _denied(cluster, doubtful)
    return _denied(cluster, rights) if any(map(_is_proof, missing)) and len(doubtful) < len(rights) else missing


def may_bypass_guard(cluster: Cluster) -> bool:
    """Return whether the guard exempts this identity; `kubectl auth can-i` does not know its API group."""
    return _allowed(cluster, Right(GUARD_API_GROUP, GuardTopic.WORKSPACES, GUARD_BYPASS, ""))


def _is_proof(right: Right) -> bool:
    return (right.resource, right.verb) == _PROOF


def _denied(cluster: Cluster, rights: Sequence[Right]) -> list[Right]:
    allowed = in_parallel(lambda right: _allowed(cluster, right), rights)
    return [right for right, yes in zip(rights, allowed, strict=True) if not yes]


def _rules(cluster: Cluster) -> list[Json]:
    """Return the rules that apply in all namespaces; none if the cluster does not list all that decide."""
    try:
        answer = cluster.create(path(*_API, "selfsubjectrulesreviews"), _review("Rules", {"namespace": _NOWHERE}))
    except ApiError as error:
        if error.status not in _UNSERVED:
            raise
        return []
    status = mapping(answer.get("status"))
    return mappings(status.get("resourceRules")) if status.get("incomplete") is False else []


def _grants(rule: Json, right: Right) -> bool:
    """Return whether a rule of RBAC grants a right (pkg/apis/rbac/v1/evaluation_helpers.go of Kubernetes)."""
    _, _, subresource = right.resource.partition("/")
    resources = (right.resource, f"{_ALL}/{subresource}") if subresource else (right.resource,)
    names = rule.get("resourceNames")
    return (
        _has(rule.get("verbs"), [right.verb])
        and _has(rule.get("apiGroups"), [right.group])
        and _has(rule.get("resources"), resources)
        and (not names or (isinstance(names, list) and right.name != "" and right.name in names))
    )


def _has(values: object, desired: Iterable[str]) -> bool:
    return isinstance(values, list) and any(word in values for word in (_ALL, *desired))


def _allowed(cluster: Cluster, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes: dict[str, Any] = {"group": right.group, "resource": resource, "verb": right.verb}
    if subresource:
        attributes["subresource"] = subresource
    if right.name:
        attributes["name"] = right.name
    review = _review("Access", {"resourceAttributes": attributes})
    answer = cluster.create(path(*_API, "selfsubjectaccessreviews"), review)
    return bool(mapping(answer.get("status")).get("allowed"))


def _review(of: str, spec: Json) -> Json:
    return {"apiVersion": _VERSION, "kind": f"SelfSubject{of}Review", "spec": spec}

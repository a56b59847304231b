"""The guard as Kubernetes objects: roles with the right to bypass it, policies, and their bindings. Pure.

Each field that the API server would fill in is written, so that the digest of a served object is that of the printed
one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ambient_components._version import VERSION
from ambient_components.guard.source import Policy, Rule, policies, shared_variables
from ambient_components.platform.contract import (
    BACKEND,
    GUARD_API_GROUP,
    GUARD_BYPASS,
    GUARD_DIGEST_ANNOTATION,
    GUARD_GIVE,
    GUARD_LABEL,
    GUARD_RELAY,
    MANAGED_LABEL,
    OPERATOR,
    PLATFORM_NAMESPACE_DEFAULT,
    RBAC_API_GROUP,
)
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.rules.guard import (
    ALWAYS_ON,
    GuardMode,
    GuardTopic,
    binding_names,
    floor_binding_name,
    policy_name,
    spec_digest,
    stronger_than,
)

DEPLOYERS: Final = Subject(SubjectKind.GROUP, "ambient-deployers")

_ADMISSION: Final = "admissionregistration.k8s.io/v1"
_RBAC: Final = f"{RBAC_API_GROUP}/v1"
_T: Final = GuardTopic

_SYSTEM: Final = (
    # The garbage collector, the namespace controller, those of workloads: each with an account, or all as one user.
    Subject(SubjectKind.GROUP, "system:serviceaccounts:kube-system"),
    Subject(SubjectKind.USER, "system:kube-controller-manager"),
)
_NODES: Final = (Subject(SubjectKind.GROUP, "system:nodes"),)

_OPERATOR_TOPICS: Final = tuple(topic for topic in _T if topic not in (_T.SCHEDULES, _T.WORKSPACES, _T.RIGHTS))
_BACKEND_TOPICS: Final = (_T.ACCOUNTS, _T.BINDINGS, _T.SECRETS, _T.SESSIONS, _T.JOBS)
_NODE_TOPICS: Final = (_T.TOKENS, _T.JOBS)
_CONTROL_PLANE_TOPICS: Final = (_T.ACCOUNTS, _T.BINDINGS, _T.ROLES, _T.SECRETS, _T.LIMITS)

_ACTIONS: Final = {
    GuardMode.AUDIT: ["Audit"],
    GuardMode.WARN: ["Warn", "Audit"],
    GuardMode.DENY: ["Deny", "Audit"],
}

_READS: Final = re.compile(r"\bvariables\.([A-Za-z]+)")
_REMEDY: Final = "Change {variables.file} or ask its reviewers."
_INSERT: Final = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """What differs between clusters; nothing depends on a stack."""

    deployers: Sequence[Subject] = (DEPLOYERS,)
    """Subjects that `pulumi up` runs as. The guard exempts them."""

    exempt: Sequence[Subject] = ()
    """Further exempt subjects, such as the controllers of OpenShift."""

    platform_namespace: str = PLATFORM_NAMESPACE_DEFAULT
    backend: str = BACKEND
    operator: str = OPERATOR
    control_plane: str = ""
    """ServiceAccount of V2's control plane, in the platform's namespace; empty without one."""

    username_prefix: str = ""
    """Prefix that the API server puts before the names of an OIDC provider."""

    floor: GuardMode | None = None
    """Mode of all workspaces whose file sets no stronger one; None for those with a mode alone."""


def objects(options: GuardOptions = GuardOptions()) -> list[dict[str, Any]]:
    """Return all objects in the order in which they are applied: who is exempt comes before what is refused."""
    rendered = [_policy(policy, options) for policy in policies()]
    bindings = [binding for policy in policies() for binding in _bindings(policy, options.floor)]
    return [_sealed(item) for item in (*_roles(options), *rendered, *bindings)]


def digest(item: Mapping[str, Any]) -> str:
    """Return the digest of what an object says, also of a served one: its spec, or its rules, role and subjects."""
    if "spec" in item:
        return spec_digest(item["spec"])
    return spec_digest({key: item[key] for key in ("rules", "roleRef", "subjects") if key in item})


def _sealed(item: dict[str, Any]) -> dict[str, Any]:
    item["metadata"] |= {"labels": {GUARD_LABEL: VERSION}, "annotations": {GUARD_DIGEST_ANNOTATION: digest(item)}}
    return item


# Who is exempt. The right is of an API group that exists in RBAC alone: Kubernetes lets only give it who has it.


def _roles(options: GuardOptions) -> Iterator[dict[str, Any]]:
    def account(name: str) -> list[Subject]:
        return [Subject(SubjectKind.SERVICE_ACCOUNT, name, options.platform_namespace)]

    relay = {"apiGroups": [GUARD_API_GROUP], "resources": [_T.SCHEDULES.value], "verbs": [GUARD_RELAY]}
    yield from _role("bypass", [_bypass("*")], [*options.deployers, *options.exempt, *_SYSTEM])
    yield from _role("operator", [_bypass(*_OPERATOR_TOPICS)], account(options.operator))
    yield from _role("backend", [_bypass(*_BACKEND_TOPICS), relay], account(options.backend))
    yield from _role("nodes", [_bypass(*_NODE_TOPICS)], _NODES)
    if options.control_plane:
        yield from _role("control-plane", [_bypass(*_CONTROL_PLANE_TOPICS)], account(options.control_plane))


def _bypass(*topics: str) -> dict[str, Any]:
    return {"apiGroups": [GUARD_API_GROUP], "resources": [str(topic) for topic in topics], "verbs": [GUARD_BYPASS]}


def _role(name: str, rules: list[dict[str, Any]], subjects: Sequence[Subject]) -> Iterator[dict[str, Any]]:
    full = policy_name(name)
    yield {"apiVersion": _RBAC, "kind": "ClusterRole", "metadata": {"name": full}, "rules": rules}
    yield {
        "apiVersion": _RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": full},
        "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": full},
        "subjects": [subject.rbac_subject() for subject in subjects],
    }


# What is refused


def _policy(policy: Policy, options: GuardOptions) -> dict[str, Any]:
    spec: dict[str, Any] = {
        # With Ignore, a caller who makes an expression too expensive would pass. The exempt never reach an expression.
        "failurePolicy": "Fail",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "namespaceSelector": {},
            "objectSelector": {},
            "resourceRules": [_watched(**watch) for watch in policy.watches],
        },
        "matchConditions": list(_conditions(policy)),
        "variables": [
            {"name": name, "expression": expression} for name, expression in _variables(policy, options).items()
        ],
        "validations": [_validation(rule) for rule in policy.rules],
    }
    if policy.parameters:
        spec["paramKind"] = {"apiVersion": "v1", "kind": "ServiceAccount"}
    return {
        "apiVersion": _ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": policy_name(policy.name)},
        "spec": spec,
    }


def _watched(group: str, resources: list[str], operations: list[str], scope: str = "Namespaced") -> dict[str, Any]:
    return {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": operations,
        "resources": resources,
        "scope": scope,
    }


def _conditions(policy: Policy) -> Iterator[dict[str, str]]:
    """Yield the conditions under which the rules are evaluated: not for the exempt, and not for other parameters.

    With parameters both are one condition: for each account, the API server evaluates all conditions, and a question
    to the authorizer costs a hundred times as much as a comparison.
    """
    for name, expression in policy.only.items():
        yield {"name": name, "expression": _line(expression)}
    namespace = "request.name" if policy.topic is _T.WORKSPACES else "request.namespace"
    right = GUARD_GIVE if policy.topic is _T.RIGHTS else GUARD_BYPASS
    bound = (
        f"!authorizer.group('{GUARD_API_GROUP}').resource('{policy.topic}').namespace({namespace})"
        f".check('{right}').allowed()"
    )
    if policy.parameters:
        bound = f"{_line(policy.parameters.applies)} && {bound}"
    yield {"name": "not-exempt", "expression": bound}


def _variables(policy: Policy, options: GuardOptions) -> dict[str, str]:
    """Return the variables that the rules need, each after those that it needs itself."""
    known = {**shared_variables(), **policy.variables}
    if options.username_prefix:
        known["person"] = _without(options.username_prefix)
    ordered: dict[str, str] = {}

    def need(text: str) -> None:
        for name in _READS.findall(text):
            if name not in ordered:
                need(known[name])
                ordered[name] = _line(known[name])

    for rule in policy.rules:
        validation = _validation(rule)
        need(validation["expression"])
        need(validation["messageExpression"])
    return ordered


def _without(prefix: str) -> str:
    """Return the caller's name in CEL as the platform knows it: without the prefix of the API server."""
    name = "request.userInfo.username"
    return f"{name}.startsWith('{prefix}') ? {name}.substring({len(prefix)}) : {name}"


def _validation(rule: Rule) -> dict[str, str]:
    unless = _line(rule.unless)
    return {
        "expression": unless if rule.rule in ALWAYS_ON else f"'{rule.rule}' in variables.off || ({unless})",
        "message": f"guard {rule.rule}: refused.",
        "messageExpression": _sentence(f"guard {rule.rule}: {rule.says} {_REMEDY}"),
        "reason": "Forbidden",
    }


def _sentence(text: str) -> str:
    """Return a text with CEL between braces as one expression: 'a {b} c' is `'a ' + b + ' c'`."""
    parts = _INSERT.split(text)
    literals = [f"'{part}'" for part in parts[::2]]
    terms = [literals[0]]
    for insert, literal in zip(parts[1::2], literals[1:], strict=True):
        terms += [insert, literal]
    return " + ".join(term for term in terms if term != "''")


def _line(expression: str) -> str:
    return " ".join(expression.split())


def _bindings(policy: Policy, floor: GuardMode | None) -> Iterator[dict[str, Any]]:
    for name, mode in binding_names(policy.name, floor).items():
        if mode is None:
            yield _binding(policy, name, GuardMode.DENY, None)
        elif name == floor_binding_name(policy.name):
            stronger = [other.value for other in reversed(stronger_than(mode))]
            but = {"key": GUARD_LABEL, "operator": "NotIn", "values": stronger} if stronger else {}
            yield _binding(policy, name, mode, but)
        else:
            yield _binding(policy, name, mode, {"key": GUARD_LABEL, "operator": "In", "values": [mode.value]})


def _binding(policy: Policy, name: str, mode: GuardMode, selection: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a binding for workspaces, also closed ones, of which `selection` holds; None is for all Namespaces."""
    spec: dict[str, Any] = {"policyName": policy_name(policy.name), "validationActions": _ACTIONS[mode]}
    if selection is not None:
        workspaces = {"key": MANAGED_LABEL, "operator": "Exists"}
        spec["matchResources"] = {
            "matchPolicy": "Equivalent",
            "namespaceSelector": {"matchExpressions": [workspaces, *([dict(selection)] if selection else [])]},
            "objectSelector": {},
        }
    if policy.parameters:
        spec["paramRef"] = {"selector": dict(policy.parameters.selector), "parameterNotFoundAction": "Allow"}
    return {
        "apiVersion": _ADMISSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": spec,
    }

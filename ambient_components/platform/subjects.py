"""The subjects of access: users, groups, pipelines and ServiceAccounts, in this project's one notation."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ambient_components.errors import reject
from ambient_components.platform.contract import (
    KEY_PREFIX,
    RBAC_API_GROUP,
    service_account_problem,
    subject_name_problem,
)
from ambient_components.platform.pipelines import AKS, Pipeline, parse_pipeline

SUBJECT_FORMS: Final = "user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME"
"""Formats that `parse_subject` accepts, for error messages."""


class SubjectKind(StrEnum):
    USER = "user"
    GROUP = "group"
    PIPELINE = "pipeline"
    """A user of the cluster, by the name that `platform.pipelines` makes of a pipeline's identity."""
    SERVICE_ACCOUNT = "serviceaccount"


_RBAC_KINDS = {
    SubjectKind.USER: "User",
    SubjectKind.GROUP: "Group",
    SubjectKind.PIPELINE: "User",
    SubjectKind.SERVICE_ACCOUNT: "ServiceAccount",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One RBAC subject. Names are never trimmed or lower-cased: Kubernetes compares them byte by byte.

    Raises:
        ValueError: The name violates contract 1.3 (1-253 bytes, no control characters), or the namespace or name of a
            ServiceAccount violates Kubernetes' rules, or a user has a pipeline's name, or a pipeline another one.
    """

    kind: SubjectKind
    """User, group, pipeline or ServiceAccount."""

    name: str
    """Verbatim name; for a ServiceAccount, its name within the namespace."""

    namespace: str | None = None
    """Namespace of a ServiceAccount; None for all others."""

    def __post_init__(self) -> None:
        if (self.namespace is not None) != (self.kind is SubjectKind.SERVICE_ACCOUNT):
            msg = "a namespace belongs to a ServiceAccount, and only to one"
            raise ValueError(msg)
        if problem := subject_name_problem(self.name):
            reject(*problem)
        if self.kind is SubjectKind.USER and kind_of_user(self.name) is SubjectKind.PIPELINE:
            reject(f"{self.name!r} is the name of a pipeline", f"write {SubjectKind.PIPELINE}:{self.name}")
        if self.kind is SubjectKind.PIPELINE and kind_of_user(self.name) is SubjectKind.USER:
            reject(f"{self.name!r} is no name of a pipeline", "as in pipeline:github:acme/payments:123456@main")
        if self.namespace is not None and (problem := service_account_problem(self.namespace, self.name)):
            reject(*problem)

    def __str__(self) -> str:
        if self.namespace is None:
            return f"{self.kind}:{self.name}"
        return f"{self.kind}:{self.namespace}:{self.name}"

    @property
    def rbac_kind(self) -> str:
        return _RBAC_KINDS[self.kind]

    @property
    def platform_name(self) -> str:
        return self.name if self.namespace is None else f"system:serviceaccount:{self.namespace}:{self.name}"

    def rbac_subject(self) -> dict[str, str]:
        if self.namespace is not None:
            return {"kind": self.rbac_kind, "name": self.name, "namespace": self.namespace}
        return {"kind": self.rbac_kind, "apiGroup": RBAC_API_GROUP, "name": self.name}


def kind_of_user(name: str) -> SubjectKind:
    """Return whether a user of the cluster is a pipeline: each subject has one text."""
    return SubjectKind.PIPELINE if parse_pipeline(name) else SubjectKind.USER


def parse_subject(text: str, forms: str = SUBJECT_FORMS) -> Subject:
    """Read `user:NAME`, `group:NAME`, `pipeline:NAME` or `serviceaccount:NAMESPACE:NAME`; inverse of `str(subject)`."""
    kind_text, colon, rest = text.partition(":")
    if not colon or kind_text not in tuple(SubjectKind):
        reject(f"{text!r} is not a subject", f"allowed: {forms}")
    kind = SubjectKind(kind_text)
    if kind is not SubjectKind.SERVICE_ACCOUNT:
        return Subject(kind, rest)
    namespace, colon, name = rest.partition(":")
    if not colon:
        reject(f"{text!r} is not a subject: the namespace is missing", f"allowed: {forms}")
    return Subject(kind, name, namespace)


_BUILT_IN: Final = "system:"
_PREFIXED: Final = re.compile(r".*[:#](.+)", re.DOTALL)


def without_login_prefix(subject: Subject) -> str | None:
    """Return the bare name of a user or group that has the prefix of a cluster's login; None without a prefix.

    Clusters put one before the names of an OIDC provider (`oidc:alice`, or `https://issuer#SUB` by default), OpenShift
    before those of its own (`kube:admin`). Under single sign-on the platform uses the values of the token. Names of
    Kubernetes itself (`system:...`) are the same in both. Contract 2.
    """
    if subject.kind not in (SubjectKind.USER, SubjectKind.GROUP) or subject.name.startswith(_BUILT_IN):
        return None
    match = _PREFIXED.fullmatch(subject.name)
    return match[1] if match else None


_EVERYBODY: Final = {
    "group:system:authenticated": "everyone with any login of the cluster, and every pod with a service account",
    "group:system:authenticated:oauth": "everyone who can log in to the cluster",
    "group:system:unauthenticated": "everyone who reaches the API server, without any login",
    "user:system:anonymous": "everyone who reaches the API server, without any login",
    "group:system:serviceaccounts": "every service account of the cluster, hence every pod in it",
    "group:system:masters": "everyone with a break-glass certificate of the cluster, who needs no grant",
    "group:kubeadm:cluster-admins": "everyone with the admin certificate that kubeadm made, who needs no grant",
    "group:system:nodes": "every node of the cluster",
    "group:system:bootstrappers": "every machine that is about to join the cluster, by its bootstrap token",
}
"""Description by subject. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
and, for `:oauth`, OpenShift's virtual groups.
"""

_PIPELINE: Final = "pipeline:"
_ACCOUNT: Final = "serviceaccount:"
_ACCOUNT_AS_USER: Final = "user:system:serviceaccount:"
_KEY_ACCOUNT: Final = re.compile(rf"({_ACCOUNT}|{_ACCOUNT_AS_USER})[^:]*:{KEY_PREFIX}")

_OF_BOOTSTRAP_TOKENS: Final = "group:system:bootstrappers:"
_OF_A_NODE: Final = "user:system:node:"
_OF_A_NAMESPACE: Final = "group:system:serviceaccounts:"


def who_is_meant(subject: str) -> str | None:
    """Return a description of the members of a built-in group or user; None for any other subject."""
    if subject.startswith(_OF_A_NAMESPACE):
        return f"every service account of namespace {subject.removeprefix(_OF_A_NAMESPACE)}, hence every pod in it"
    if subject.startswith(_OF_BOOTSTRAP_TOKENS):
        return _EVERYBODY[_OF_BOOTSTRAP_TOKENS.removesuffix(":")]
    if subject.startswith(_OF_A_NODE):
        return "a node of the cluster, hence every pod that breaks out on it"
    return _EVERYBODY.get(subject)


def pipeline_of(subject: str) -> Pipeline | None:
    """Return the pipeline that a subject is, also as a user of AKS; None for all others."""
    prefix = next(filter(subject.startswith, (_PIPELINE, f"{SubjectKind.USER}:{AKS}")), None)
    return parse_pipeline(subject.removeprefix(prefix)) if prefix else None


def is_key_account(subject: str) -> bool:
    return _KEY_ACCOUNT.match(subject) is not None


def home_of(subject: str) -> str | None:
    """Return the namespace of a subject's ServiceAccounts; None for other subjects and for all ServiceAccounts.

    Kubernetes names them `system:serviceaccount:NAMESPACE:NAME`, and adds each to the group
    `system:serviceaccounts:NAMESPACE`.
    """
    for prefix in (_ACCOUNT, _ACCOUNT_AS_USER, _OF_A_NAMESPACE):
        if subject.startswith(prefix):
            return subject.removeprefix(prefix).split(":", 1)[0] or None
    return None

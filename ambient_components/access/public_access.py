"""Groups and users of Kubernetes with members that no administrator chose."""

from typing import Final

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

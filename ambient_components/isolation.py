"""NetworkPolicies that close a workspace's pods off and let the platform work (contract 10.19). Pure.

What must go on working: sessions are reached from the platform's namespace, and reach DNS, the platform's backend and
its object store, and the language models and Git hosts of the internet. Private addresses stay closed, and with them
the cloud's metadata service, other workspaces and the company's network, but for what is allowed on purpose.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from ambient_components.contract import BACKEND_PORT, OBJECT_STORE_PORT, RUNNER_PORT

ISOLATION: Final = "workspace-isolation"
"""Name of the policy for every pod of the workspace."""

ISOLATION_JOBS: Final = "workspace-isolation-jobs"
"""Name of the policy for pods of Jobs: a scheduled session's trigger starts a session through the API server."""

PRIVATE_V4: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
)
"""No internet: private (RFC 1918), shared (RFC 6598), link-local and Azure's for metadata, benchmarks (RFC 2544)."""

PRIVATE_V6: Final = ("::1/128", "fc00::/7", "fe80::/10")
"""The same for IPv6."""

_INTERNET_PORTS: Final = (443, 80, 22)
"""HTTPS, HTTP for package mirrors and redirects, SSH for Git."""

_DNS_PORTS: Final = (53, 5353)
"""5353 is where OpenShift's DNS pods listen: a policy sees the pod's port, not the Service's."""

_API_SERVER_PORTS: Final = (443, 6443)

_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
_JOB_NAME: Final = "batch.kubernetes.io/job-name"

Spec = dict[str, Any]


def policies(platform_namespace: str, allow: Iterable[Mapping[str, Any]] = ()) -> dict[str, Spec]:
    """The specs of a closed-off workspace's policies, by name.

    Args:
        platform_namespace: where the platform runs.
        allow: further destinations, each ``{cidr | namespace, ports, protocol}``; no ports are all ports.
    """
    return {ISOLATION: _workspace(platform_namespace, allow), ISOLATION_JOBS: _jobs()}


def store_peer(endpoint: str, platform_namespace: str) -> dict[str, Any] | None:
    """The destination to allow so that sessions reach their object store, in the form of `policies`' argument.

    Args:
        endpoint: the store's address, as sessions are told it.
        platform_namespace: where the platform runs.

    Returns:
        None where they reach it already, or where only `store_unreached` can tell: a policy takes no host's name.
    """
    host, port = _address(endpoint)
    namespace = _service_namespace(host)
    if namespace == platform_namespace:
        return None if port in (BACKEND_PORT, OBJECT_STORE_PORT) else {"namespace": namespace, "ports": [port]}
    if namespace:
        # Without ports: the Service's says nothing of the pod's, and that is what a policy sees.
        return {"namespace": namespace}
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    private = any(address in ipaddress.ip_network(block) for block in (*PRIVATE_V4, *PRIVATE_V6))
    if port in _INTERNET_PORTS and not private:
        return None
    return {"cidr": f"{address}/{address.max_prefixlen}", "ports": [port]}


def store_unreached(endpoint: str, platform_namespace: str, allow: Sequence[Mapping[str, Any]]) -> int | None:
    """The port of a store that nothing opens, as far as that can be told: a host's name, on none of the web's ports.

    Args:
        endpoint: as for `store_peer`.
        platform_namespace: the same.
        allow: the further destinations that are declared: one with the port may be the store.
    """
    host, port = _address(endpoint)
    if store_peer(endpoint, platform_namespace) or _service_namespace(host) or port in _INTERNET_PORTS:
        return None
    if any(port in (peer.get("ports") or [port]) for peer in allow):
        return None
    return port


def _address(endpoint: str) -> tuple[str, int]:
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _service_namespace(host: str) -> str | None:
    """The namespace in a Service's name, ``NAME.NAMESPACE.svc`` and what may follow; None for any other host."""
    labels = host.split(".")
    at = labels.index("svc") if "svc" in labels else 0
    return labels[at - 1] if at >= 2 else None


def _workspace(platform_namespace: str, allow: Iterable[Mapping[str, Any]]) -> Spec:
    platform = [_namespace(platform_namespace)]
    return {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": platform, "ports": _ports([RUNNER_PORT])}],
        "egress": [
            # To whatever address: with a node-local cache it is no pod's.
            {"ports": [*_ports(_DNS_PORTS, "UDP"), *_ports(_DNS_PORTS)]},
            {"to": platform, "ports": _ports([BACKEND_PORT, OBJECT_STORE_PORT])},
            {
                "to": [
                    {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(PRIVATE_V4)}},
                    {"ipBlock": {"cidr": "::/0", "except": list(PRIVATE_V6)}},
                ],
                "ports": _ports(_INTERNET_PORTS),
            },
            *map(_allowed, allow),
        ],
    }


def _jobs() -> Spec:
    return {
        "podSelector": {"matchExpressions": [{"key": _JOB_NAME, "operator": "Exists"}]},
        "policyTypes": ["Egress"],
        # Where the API server listens differs from cluster to cluster, and is a private address in most.
        "egress": [{"ports": _ports(_API_SERVER_PORTS)}],
    }


def _allowed(peer: Mapping[str, Any]) -> Spec:
    to = _namespace(peer["namespace"]) if peer.get("namespace") else {"ipBlock": {"cidr": peer["cidr"]}}
    ports = _ports(peer.get("ports") or (), peer.get("protocol") or "TCP")
    return {"to": [to], **({"ports": ports} if ports else {})}


def _namespace(name: str) -> Spec:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: name}}}


def _ports(ports: Iterable[int], protocol: str = "TCP") -> list[dict[str, Any]]:
    return [{"protocol": protocol, "port": port} for port in ports]

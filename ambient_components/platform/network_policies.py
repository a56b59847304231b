"""NetworkPolicies that isolate a workspace's pods and let the platform work (contract 10.19). Pure functions.

Sessions must be reachable from the platform's namespace. They must reach DNS, the platform's backend and object store,
and the language models and Git hosts on the internet. Private addresses stay blocked, and with them the cloud's
metadata service, other workspaces and the company's network, except for declared destinations.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from ambient_components.platform.contract import API_SERVER_PORT, BACKEND_PORT, OBJECT_STORE_PORT, RUNNER_PORT

ISOLATION: Final = "workspace-isolation"
"""Name of the policy for all pods of the workspace."""

ISOLATION_JOBS: Final = "workspace-isolation-jobs"
"""Name of the policy for pods of Jobs: a scheduled session's trigger creates the session through the API server."""

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
"""IPv4 ranges that are not internet: private (RFC 1918), shared (6598), link-local, Azure metadata, benchmark (2544).
"""

PRIVATE_V6: Final = ("::1/128", "fc00::/7", "fe80::/10")
"""IPv6 ranges that are not internet."""

_INTERNET_PORTS: Final = (443, 80, 22)
"""HTTPS, HTTP for package mirrors and redirects, SSH for Git."""

_DNS_PORTS: Final = (53, 5353)
"""OpenShift's DNS pods listen on 5353, and a policy applies to the pod's port, not the Service's."""

_API_SERVER_PORTS: Final = (443, 6443)

_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
_JOB_NAME: Final = "batch.kubernetes.io/job-name"

Spec = dict[str, Any]


def policies(
    platform_namespace: str, allow: Iterable[Mapping[str, Any]] = (), *, api_server: bool = False
) -> dict[str, Spec]:
    """Return the specs of an isolated workspace's policies, by name.

    Args:
        allow: Further destinations, each ``{cidr | namespace, ports, protocol}``; no ports means all ports.
        api_server: Whether the platform's API server (V2) runs there too. Its sessions call it.
    """
    return {ISOLATION: _workspace(platform_namespace, allow, api_server=api_server), ISOLATION_JOBS: _jobs()}


def store_peer(endpoint: str, platform_namespace: str) -> dict[str, Any] | None:
    """Return the destination to allow so that sessions reach their object store, in the format of `policies`.

    Returns:
        None if the policies allow it already, or if the endpoint is an external host name: a policy takes no host
        names, and `store_unreached` checks those.
    """
    host, port = _address(endpoint)
    namespace = _service_namespace(host)
    if namespace == platform_namespace:
        return None if port in (BACKEND_PORT, OBJECT_STORE_PORT) else {"namespace": namespace, "ports": [port]}
    if namespace:
        # Without ports: a policy applies to the pod's port, which may differ from the Service's.
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
    """Return the port of an object store that no rule seems to open; None otherwise.

    This covers external host names with a port other than the web's and SSH's.
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
    """Return the namespace in the name of a Service, ``NAME.NAMESPACE.svc...``; None for any other host."""
    labels = host.split(".")
    at = labels.index("svc") if "svc" in labels else 0
    return labels[at - 1] if at >= 2 else None


def _workspace(platform_namespace: str, allow: Iterable[Mapping[str, Any]], *, api_server: bool) -> Spec:
    platform = [_namespace(platform_namespace)]
    platform_ports = [BACKEND_PORT, OBJECT_STORE_PORT, *([API_SERVER_PORT] if api_server else [])]
    return {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": platform, "ports": _ports([RUNNER_PORT])}],
        "egress": [
            # To any address: with a node-local DNS cache it is not a pod's.
            {"ports": [*_ports(_DNS_PORTS, "UDP"), *_ports(_DNS_PORTS)]},
            {"to": platform, "ports": _ports(platform_ports)},
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
        # The API server's address differs between clusters, and is private in most.
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

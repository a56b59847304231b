"""Rules for a workspace's limits: quantities, and destinations of isolated workspaces."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ambient_components.quantities import parse_quantity
from ambient_components.rules.findings import Finding, Verdict, verdict_finding

CONTAINER_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
"""Resources that a container's limits can name."""

PORT_MAX: Final = 65_535
"""Highest port number."""


def peer_problem(given: tuple[str, ...]) -> Verdict:
    """Return problem and remedy unless exactly one of cidr and namespace is given; None otherwise.

    Args:
        given: The fields that are given.
    """
    if len(given) == 1:
        return None
    problem = "has a cidr and a namespace" if given else "has neither a cidr nor a namespace"
    return problem, "allowed: exactly one of them, as {cidr: 10.0.0.0/8} or {namespace: NAME}"


def limit_findings(limits: Mapping[str, Any]) -> Iterator[Finding]:
    """Find invalid quantities and destinations in a component's limits."""
    yield from _amounts("quota", limits.get("quota") or {})
    for name, amounts in (limits.get("containers") or {}).items():
        yield from _amounts(f"containers.{name}", amounts)
    for index, peer in enumerate((limits.get("network") or {}).get("allow") or ()):
        given = tuple(name for name in ("cidr", "namespace") if peer.get(name) is not None)
        yield from verdict_finding(("network", "allow", index), peer_problem(given))


def _amounts(field: str, amounts: Mapping[str, Any]) -> Iterator[Finding]:
    for resource, amount in amounts.items():
        try:
            parse_quantity(amount)
        except ValueError as error:
            yield Finding((*field.split("."), resource), str(error), "")

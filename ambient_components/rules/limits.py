"""Limits of a workspace: quantities, and whom an isolated one may reach."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ambient_components.errors import BadValue
from ambient_components.quantities import parse_quantity
from ambient_components.rules.findings import Finding, Verdict, verdict_finding

CONTAINER_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
"""What a container may be limited in."""

PORT_MAX: Final = 65_535
"""The highest port."""


def peer_problem(given: tuple[str, ...]) -> Verdict:
    """Say why a destination can't be named so, or None; as problem and remedy.

    Args:
        given: Those of cidr and namespace that are given.
    """
    if len(given) == 1:
        return None
    problem = "has a cidr and a namespace" if given else "has neither a cidr nor a namespace"
    return problem, "allowed: exactly one of them, as {cidr: 10.0.0.0/8} or {namespace: NAME}"


def limit_findings(limits: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what is no quantity, and what is no destination, in a component's limits."""
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
        except BadValue as error:
            yield Finding((*field.split("."), resource), error.problem, error.hints)

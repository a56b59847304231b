"""The limits and requests of a workspace's containers: the declaration over the platform's defaults. Pure functions."""

from collections.abc import Mapping
from typing import Final

from ambient_components.contract import CONTAINER_LIMITS_DEFAULT
from ambient_components.quantities import parse_quantity

QUOTA: Final = "workspace-quota"
"""Name of the ResourceQuota of a workspace; the platform has none (contract 7)."""

Amounts = Mapping[str, object]
"""Quantity by resource: cpu, memory, ephemeral-storage."""


def canonical(amounts: Amounts) -> dict[str, str]:
    """Return the amounts in the API server's canonical form, so that a refresh shows no change.

    Raises:
        ValueError: An amount is not a quantity.
    """
    return {resource: str(parse_quantity(amount)) for resource, amount in sorted(amounts.items())}


def container_limits(declared: Mapping[str, Amounts]) -> dict[str, dict[str, str]]:
    """Return the LimitRange item for containers: the declaration over the operator's defaults.

    The operator never changes an existing LimitRange (contract 4), so a declaration that sets only a maximum must keep
    the platform's defaults. A default of the platform that conflicts with the declaration is moved to the declared
    bound, because Kubernetes rejects a default above the maximum and a request above the limit.

    Args:
        declared: ``defaultRequest``, ``default``, ``min`` and ``max``, each optional; empty for none.

    Raises:
        ValueError: An amount is not a quantity.
    """
    given = {name: canonical(amounts) for name, amounts in declared.items() if amounts}
    if not given:
        return {}
    least, most = given.get("min") or {}, given.get("max") or {}
    limit = {**most, **CONTAINER_LIMITS_DEFAULT["default"], **(given.get("default") or {})}
    for resource in limit.keys() - (given.get("default") or {}).keys():
        lower = [least.get(resource), (given.get("defaultRequest") or {}).get(resource)]
        limit[resource] = _within(limit[resource], lower, [most.get(resource)])
    # The API server would add these for resources other than the platform's two, and a refresh would show them.
    request = {**least, **limit, **CONTAINER_LIMITS_DEFAULT["defaultRequest"], **(given.get("defaultRequest") or {})}
    for resource in request.keys() - (given.get("defaultRequest") or {}).keys():
        request[resource] = _within(request[resource], [least.get(resource)], [limit.get(resource)])
    return {"defaultRequest": request, "default": limit} | {
        name: given[name] for name in ("min", "max") if name in given
    }


def _within(amount: str, lower: list[str | None], upper: list[str | None]) -> str:
    """Return the amount, limited to the bounds."""
    for bound in lower:
        if bound is not None and parse_quantity(bound) > parse_quantity(amount):
            amount = bound
    for bound in upper:
        if bound is not None and parse_quantity(bound) < parse_quantity(amount):
            amount = bound
    return amount

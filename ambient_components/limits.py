"""What a workspace's containers get and may have, with the platform's own defaults under what is declared. Pure."""

from collections.abc import Mapping
from typing import Final

from ambient_components.contract import CONTAINER_LIMITS_DEFAULT
from ambient_components.quantities import parse_quantity

QUOTA: Final = "workspace-quota"
"""Name of the ResourceQuota of a workspace; the platform has none (contract 7)."""

Amounts = Mapping[str, object]
"""Quantity by resource: cpu, memory, ephemeral-storage."""


def canonical(amounts: Amounts) -> dict[str, str]:
    """The amounts as the API server writes them, so that a refresh sees no change.

    Raises:
        ValueError: one of them is no quantity.
    """
    return {resource: str(parse_quantity(amount)) for resource, amount in sorted(amounts.items())}


def container_limits(declared: Mapping[str, Amounts]) -> dict[str, dict[str, str]]:
    """The LimitRange's item for containers: what is declared, over what the operator would have made.

    The operator leaves a LimitRange that exists alone (contract 4), so whoever declares a maximum only must not lose
    the platform's defaults. A default of the platform that does not fit between what is declared gives way to it: a
    default beyond the maximum, or a request beyond the limit, would be refused by Kubernetes.

    Args:
        declared: ``defaultRequest``, ``default``, ``min`` and ``max``, each optional; empty for none.

    Raises:
        ValueError: an amount is no quantity.
    """
    given = {name: canonical(amounts) for name, amounts in declared.items() if amounts}
    if not given:
        return {}
    least, most = given.get("min") or {}, given.get("max") or {}
    limit = {**most, **CONTAINER_LIMITS_DEFAULT["default"], **(given.get("default") or {})}
    for resource in limit.keys() - (given.get("default") or {}).keys():
        lower = [least.get(resource), (given.get("defaultRequest") or {}).get(resource)]
        limit[resource] = _within(limit[resource], lower, [most.get(resource)])
    # Of other resources than the platform's two the API server would add these itself, and a refresh would show them.
    request = {**least, **limit, **CONTAINER_LIMITS_DEFAULT["defaultRequest"], **(given.get("defaultRequest") or {})}
    for resource in request.keys() - (given.get("defaultRequest") or {}).keys():
        request[resource] = _within(request[resource], [least.get(resource)], [limit.get(resource)])
    return {"defaultRequest": request, "default": limit} | {
        name: given[name] for name in ("min", "max") if name in given
    }


def _within(amount: str, lower: list[str | None], upper: list[str | None]) -> str:
    """The amount, or the bound that it is beyond."""
    for bound in lower:
        if bound is not None and parse_quantity(bound) > parse_quantity(amount):
            amount = bound
    for bound in upper:
        if bound is not None and parse_quantity(bound) < parse_quantity(amount):
            amount = bound
    return amount

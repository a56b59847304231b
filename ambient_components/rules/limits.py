"""Limits of a workspace: rules for containers, quotas and network peers, and the amounts in canonical form.

The rules get quantities that the models or the API server have accepted.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from ambient_components.errors import hints_of
from ambient_components.platform.contract import CONTAINER_LIMITS_DEFAULT
from ambient_components.rules.findings import Finding, Path, Verdict, below, camel, spell
from ambient_components.rules.quantities import parse_quantity
from ambient_components.rules.secret_patterns import looks_like_credential
from ambient_components.rules.warnings import WarningRule
from ambient_components.suggest import allowed_words, did_you_mean


class Protocol(StrEnum):
    """Protocol of the ports of a network peer."""

    TCP = "TCP"
    """Nearly everything."""

    UDP = "UDP"
    """DNS, QUIC."""


CONTAINER_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
"""Resources that a container's limits can name."""

_LIMIT_FIELDS: Final = ("min", "default_request", "default", "max")

LIMIT_CHAIN: Final = tuple(map(camel, _LIMIT_FIELDS))
"""What a LimitRange says of a resource; each is at most the next."""

QUOTA_RESOURCES: Final = (
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "cpu",
    "memory",
    "ephemeral-storage",
    "pods",
    "persistentvolumeclaims",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "configmaps",
    "secrets",
    "replicationcontrollers",
    "resourcequotas",
)
"""What Kubernetes counts in a namespace by these very names; the first of them are what people mostly want."""

PORT_MAX: Final = 65_535
"""Highest port number."""

_QUOTA_FORMS: Final = "count/RESOURCE.GROUP and requests.VENDOR/RESOURCE"
_OF_A_CLASS: Final = ".storageclass.storage.k8s.io/"
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_QUOTA_PATTERN: Final = re.compile(
    rf"count/{_SUBDOMAIN}"
    rf"|requests\.{_SUBDOMAIN}/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
    r"|(requests\.)?hugepages-[0-9]+[KMG]i"
    rf"|{_SUBDOMAIN}{re.escape(_OF_A_CLASS)}(requests\.storage|persistentvolumeclaims)"
)
# Counted in whole pieces or bytes, unlike cores.
_BYTES: Final = re.compile(r"(.*[./])?(memory|storage|ephemeral-storage)|(requests\.)?hugepages-.*")
_CORES: Final = ("cpu", "requests.cpu", "limits.cpu")

QUOTA: Final = "workspace-quota"
"""Name of the ResourceQuota of a workspace; the platform has none (contract 7)."""

Amounts = Mapping[str, object]
"""Quantity by resource: cpu, memory, ephemeral-storage."""


def limit_findings(limits: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what the API server would refuse in the middle of a run, and what has no effect."""
    yield from below(("containers",), container_findings(limits.get("containers") or {}))
    yield from below(("quota",), quota_findings(limits.get("quota") or {}))
    yield from below(("network",), network_findings(limits.get("network") or {}))


def container_findings(containers: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Find values of a LimitRange that break Kubernetes' rule min ≤ defaultRequest ≤ default ≤ max."""
    for limit, amounts in containers.items():
        for resource, written in amounts.items():
            if resource not in CONTAINER_RESOURCES:
                known = allowed_words(resource, CONTAINER_RESOURCES)
                yield Finding((limit, resource), f"{resource!r} is not a resource", known, at_key=True)
            else:
                yield from _amount_findings((limit, resource), resource, written)
    for resource in CONTAINER_RESOURCES:
        chain = [
            (limit, written, amount)
            for limit in LIMIT_CHAIN
            if (written := (containers.get(limit) or {}).get(resource)) is not None
            for amount in [parse_quantity(written)]
        ]
        for (low, less, least), (high, more, most) in pairwise(chain):
            if least > most:
                names = dict(zip(LIMIT_CHAIN, map(spell, _LIMIT_FIELDS), strict=True))
                problem = f"{less} is more than the {more} of {names[high]}"
                remedy = f"allowed: {' ≤ '.join(names.values())}"
                yield Finding((low, resource), problem, remedy, (high, resource))


def quota_findings(quota: Mapping[str, Any]) -> Iterator[Finding]:
    """Find resources that Kubernetes does not count in a quota, and fractions of objects."""
    for resource, written in quota.items():
        if resource not in QUOTA_RESOURCES and not _QUOTA_PATTERN.fullmatch(resource):
            allowed = f"allowed: {', '.join(QUOTA_RESOURCES)}, {_QUOTA_FORMS}"
            meant = did_you_mean(resource, [*QUOTA_RESOURCES, *_near_quota_forms(resource)])
            problem = f"{resource!r} is not a resource that a quota counts"
            yield Finding((resource,), problem, hints_of(allowed, meant), at_key=True)
        elif isinstance(written, str | int | float):  # a program may have amounts that come of a run
            yield from _amount_findings((resource,), resource, written)


def network_findings(network: Mapping[str, Any]) -> Iterator[Finding]:
    """Find peers of a workspace that is not isolated, and peers that are not exactly one destination."""
    peers = network.get("allow") or ()
    if peers and not network.get("isolate", True):
        problem = "has no effect, since isolate is false: pods may talk to every peer"
        remedy = "set isolate: true, or remove it"
        yield Finding(("allow",), problem, remedy, rule=WarningRule.ALLOW_WITHOUT_ISOLATE)


def cidr_problem(text: str) -> Verdict:
    allowed = "allowed: an address and a mask, such as 10.0.0.0/8 or 2001:db8::/32"
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{text!r} is not a network", allowed
    address, _, mask = text.partition("/")
    if mask != str(network.prefixlen):
        problem = f"{text!r} has a mask of another form" if mask else f"{text!r} has no mask"
        return problem, (allowed, f"did you mean '{network}'?")
    if ipaddress.ip_address(address) != network.network_address:
        return f"{text!r} is an address within a network", (allowed, f"did you mean '{network}'?")
    return None


def _near_quota_forms(resource: str) -> Iterator[str]:
    """Yield what a resource would be called if only the fixed part of its name were misspelled."""
    if looks_like_credential(resource):
        return  # the rest of it may be the secret
    before, slash, kind = resource.rpartition("/")
    size, rest, storage_class = resource.rpartition("-")[2], resource.partition(".")[2], before.partition(".")[0]
    names = [f"hugepages-{size}", f"requests.hugepages-{size}"]
    if slash:
        names += [f"count/{kind}", f"requests.{rest}"]
        names += [
            f"{storage_class}{_OF_A_CLASS}{counted}" for counted in ("requests.storage", "persistentvolumeclaims")
        ]
    yield from (name for name in names if _QUOTA_PATTERN.fullmatch(name))


def _amount_findings(path: Path, resource: str, written: Any) -> Iterator[Finding]:
    """Refuse fractions of what is counted: `512m` of memory is the commonest slip."""
    if parse_quantity(written).whole or resource in _CORES:
        return
    if _BYTES.fullmatch(resource):
        remedy = ("allowed: whole bytes, such as 512Mi", "write no lone m: it is a thousandth")
        yield Finding(path, f"{written} is a fraction of a byte", remedy)
    else:
        yield Finding(path, f"{written} is a fraction", "allowed: whole numbers, since objects are counted")


def canonical(amounts: Amounts) -> dict[str, str]:
    """Return the amounts in the API server's canonical form, so that a refresh shows no change."""
    return {resource: str(parse_quantity(amount)) for resource, amount in sorted(amounts.items())}


def container_limits(declared: Mapping[str, Amounts]) -> dict[str, dict[str, str]]:
    """Return the LimitRange item for containers: the declaration over the operator's defaults.

    The operator never changes an existing LimitRange (contract 4), so a declaration that sets only a maximum must keep
    the platform's defaults. A default of the platform that conflicts with the declaration is moved to the declared
    bound, because Kubernetes rejects a default above the maximum and a request above the limit.
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
    for bound in lower:
        if bound is not None and parse_quantity(bound) > parse_quantity(amount):
            amount = bound
    for bound in upper:
        if bound is not None and parse_quantity(bound) < parse_quantity(amount):
            amount = bound
    return amount

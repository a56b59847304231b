"""Checks of limits, labels and annotations, which the API server would otherwise reject during a run."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from ambient_components.credentials import looks_like_credential
from ambient_components.quantities import parse_quantity
from ambient_components.rules.findings import Finding, Path, below
from ambient_components.rules.limits import CONTAINER_RESOURCES
from ambient_components.rules.workspaces import note_findings
from ambient_components.spec.limits import ContainerLimits
from ambient_components.spec.models import Check, Workspace
from ambient_components.suggest import allowed_words, did_you_mean

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
"""Resources that Kubernetes counts in a namespace under these names, the most common first."""

_QUOTA_FORMS: Final = "count/RESOURCE.GROUP and requests.VENDOR/RESOURCE"
_OF_A_CLASS: Final = ".storageclass.storage.k8s.io/"
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_QUOTA_PATTERN: Final = re.compile(
    rf"count/{_SUBDOMAIN}"
    rf"|requests\.{_SUBDOMAIN}/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
    r"|(requests\.)?hugepages-[0-9]+[KMG]i"
    rf"|{_SUBDOMAIN}{re.escape(_OF_A_CLASS)}(requests\.storage|persistentvolumeclaims)"
)
# Counted in whole units or bytes, unlike cores.
_BYTES: Final = re.compile(r"(.*[./])?(memory|storage|ephemeral-storage)|(requests\.)?hugepages-.*")
_CORES: Final = ("cpu", "requests.cpu", "limits.cpu")
_CHAIN: Final = ("min", "defaultRequest", "default", "max")


def check_containers(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Require min ≤ defaultRequest ≤ default ≤ max for each resource, as Kubernetes does for a LimitRange."""
    limits = workspace.limits.containers
    if limits is None:
        return
    here = (*path, "limits", "containers")
    by_field = _by_field(limits)
    for field, resources in by_field.items():
        for resource, quantity in resources.items():
            if resource not in CONTAINER_RESOURCES:
                remedy = allowed_words(resource, CONTAINER_RESOURCES)
                yield Finding((*here, field, resource), f"{resource!r} is not a resource", remedy, at_key=True)
            else:
                yield from _broken_bytes((*here, field, resource), resource, quantity)
    for resource in CONTAINER_RESOURCES:
        written = [(field, by_field[field][resource]) for field in _CHAIN if resource in by_field[field]]
        for (low, less), (high, more) in pairwise(written):
            if parse_quantity(less) > parse_quantity(more):
                problem = f"{less} is more than the {more} of {high}"
                remedy = f"allowed: {' ≤ '.join(_CHAIN)}"
                yield Finding((*here, low, resource), problem, remedy, (*here, high, resource))


def _by_field(limits: ContainerLimits) -> dict[str, dict[str, str]]:
    return {
        "min": limits.min,
        "defaultRequest": limits.default_request,
        "default": limits.default,
        "max": limits.max,
    }


def check_quota(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find unknown resources in a quota, and fractions of objects."""
    here = (*path, "limits", "quota")
    for resource, quantity in workspace.limits.quota.items():
        spot = (*here, resource)
        if resource not in QUOTA_RESOURCES and not _QUOTA_PATTERN.fullmatch(resource):
            allowed = f"allowed: {', '.join(QUOTA_RESOURCES)}, {_QUOTA_FORMS}"
            meant = did_you_mean(resource, [*QUOTA_RESOURCES, *_near_quota_forms(resource)])
            remedy = f"{allowed}; {meant}" if meant else allowed
            yield Finding(spot, f"{resource!r} is not a resource that a quota counts", remedy, at_key=True)
        elif _BYTES.fullmatch(resource):
            yield from _broken_bytes(spot, resource, quantity)
        elif resource not in _CORES and not parse_quantity(quantity).whole:
            yield Finding(spot, f"{quantity} is a fraction", "allowed: whole numbers, since objects are counted")


def _near_quota_forms(resource: str) -> Iterator[str]:
    """Yield valid resource names that differ only in the fixed part of the name."""
    if looks_like_credential(resource):
        return  # the other part may be the secret
    before, slash, kind = resource.rpartition("/")
    size, rest, storage_class = resource.rpartition("-")[2], resource.partition(".")[2], before.partition(".")[0]
    names = [f"hugepages-{size}", f"requests.hugepages-{size}"]
    if slash:
        names += [f"count/{kind}", f"requests.{rest}"]
        names += [
            f"{storage_class}{_OF_A_CLASS}{counted}" for counted in ("requests.storage", "persistentvolumeclaims")
        ]
    yield from (name for name in names if _QUOTA_PATTERN.fullmatch(name))


def _broken_bytes(path: Path, resource: str, quantity: str) -> Iterator[Finding]:
    """Refuse fractions of a byte: `512m` of memory is the most common mistake."""
    if _BYTES.fullmatch(resource) and not parse_quantity(quantity).whole:
        remedy = "allowed: whole bytes, such as 512Mi; a lone m is a thousandth"
        yield Finding(path, f"{quantity} is a fraction of a byte", remedy)


def check_network(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Warn about allowed destinations of a workspace that is not isolated."""
    network = workspace.limits.network
    if network is not None and network.allow and not network.isolate:
        problem = "has no effect, since isolate is false: pods may talk to everybody"
        yield Finding((*path, "limits", "network", "allow"), problem, "set isolate: true, or remove it", warning=True)


def check_labels(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find labels and annotations with invalid syntax or reserved keys."""
    yield from below(path, note_findings(workspace.labels, workspace.annotations))


LIMIT_CHECKS: tuple[Check, ...] = (check_containers, check_quota, check_network, check_labels)
"""All checks of limits, labels and annotations."""

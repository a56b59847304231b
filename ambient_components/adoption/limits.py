"""Limits of an existing workspace: the inverse of `components.settings`. Only what would be written back equally."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from ambient_components.adoption.notes import NoteRule, Notes
from ambient_components.cluster.objects import Json, listing, mapping, mappings, name, short
from ambient_components.errors import BadValue
from ambient_components.model.limits import NetworkPeer
from ambient_components.platform.contract import CONTAINER_LIMITS, CONTAINER_LIMITS_DEFAULT
from ambient_components.platform.network_policies import ISOLATION, ISOLATION_JOBS, policies
from ambient_components.rules.findings import Finding
from ambient_components.rules.limits import (
    LIMIT_CHAIN,
    QUOTA,
    container_findings,
    container_limits,
    quota_findings,
)

_CONTAINER: Final = "Container"
_PLATFORM_POLICIES: Final = ("runner-allow-backend-only", "allow-ambient-api-server")
"""NetworkPolicies of the platform's operator and control plane. Contract 4, 6."""
_OWN_POLICIES: Final = (ISOLATION, ISOLATION_JOBS)


def read_limits(
    notes: Notes,
    ranges: Iterable[Json],
    quotas: Iterable[Json],
    network_policies: Iterable[Json],
    platform: str,
    *,
    api_server: bool = False,
) -> dict[str, Any]:
    """Return the limits that differ from the platform's defaults, as the stack file's model takes them."""
    named = {name(policy): policy for policy in network_policies}
    return {
        **_containers(notes, [*ranges]),
        **_quota(notes, [*quotas]),
        **_network(notes, named, platform, api_server=api_server),
    }


def _containers(notes: Notes, ranges: list[Json]) -> dict[str, Any]:
    _note_others(
        notes,
        NoteRule.CONTAINER_LIMITS,
        "LimitRange",
        [*map(name, ranges)],
        (CONTAINER_LIMITS,),
    )
    own = next((limit_range for limit_range in ranges if name(limit_range) == CONTAINER_LIMITS), None)
    items = [
        item for item in mappings(mapping(mapping(own).get("spec")).get("limits")) if item.get("type") == _CONTAINER
    ]
    if not items:
        return {}
    live = {key: value for key, value in items[0].items() if key != "type"}
    if len(items) == 1:
        if live == CONTAINER_LIMITS_DEFAULT:
            return {}
        if (entry := _declaring(live)) is not None:
            return {"containers": entry}
    notes.add(
        NoteRule.CONTAINER_LIMITS,
        f"LimitRange {CONTAINER_LIMITS} has values that limits.containers cannot say, so the entry leaves it unchanged",
        "declare limits.containers: a run then replaces the item for containers",
        object=f"LimitRange {CONTAINER_LIMITS}",
    )
    return {}


def _declaring(live: Mapping[str, Any]) -> dict[str, dict[str, str]] | None:
    """Return the shortest declaration of these limits; None if there is none."""
    if not {*live} <= {*LIMIT_CHAIN} or not all(isinstance(amounts, Mapping) for amounts in live.values()):
        return None
    entry = {limit: {**live[limit]} for limit in LIMIT_CHAIN if limit in live}
    if not _gives(entry, live) or not _is_sound(container_findings(entry)):
        return None
    for limit in [*entry]:
        for resource in [*entry[limit]]:
            rest = {key: value for key, value in entry[limit].items() if key != resource}
            shorter = {key: value for key, value in {**entry, limit: rest}.items() if value}
            if _gives(shorter, live):
                entry[limit] = rest
    return {limit: amounts for limit, amounts in entry.items() if amounts}


def _gives(entry: Mapping[str, Mapping[str, Any]], live: Mapping[str, Any]) -> bool:
    try:
        return container_limits(entry) == live
    except BadValue:
        return False


def _is_sound(findings: Iterable[Finding]) -> bool:
    """Tell whether a stack file can say what the cluster has, which anybody may have written."""
    try:
        return all(finding.warning for finding in findings)
    except BadValue:
        return False


def _quota(notes: Notes, quotas: list[Json]) -> dict[str, Any]:
    _note_others(notes, NoteRule.QUOTA, "ResourceQuota", [name(quota) for quota in quotas], (QUOTA,))
    own = next((quota for quota in quotas if name(quota) == QUOTA), None)
    spec = mapping(mapping(own).get("spec"))
    hard = mapping(spec.get("hard"))
    if not spec:
        return {}
    if hard and {*spec} == {"hard"} and _is_sound(quota_findings(hard)):
        return {"quota": {**hard}}
    notes.add(
        NoteRule.QUOTA,
        f"ResourceQuota {QUOTA} has scopes or resources that limits.quota cannot say, so the entry leaves it unchanged",
        "declare another quota under limits.quota: a run replaces this one",
        object=f"ResourceQuota {QUOTA}",
    )
    return {}


def _network(notes: Notes, network_policies: Mapping[str, Json], platform: str, *, api_server: bool) -> dict[str, Any]:
    _note_others(notes, NoteRule.NETWORK, "NetworkPolicy", [*network_policies], (*_OWN_POLICIES, *_PLATFORM_POLICIES))
    live = {
        policy: mapping(network_policies[policy].get("spec")) for policy in _OWN_POLICIES if policy in network_policies
    }
    if not live:
        return {}
    egress = mappings(mapping(live.get(ISOLATION)).get("egress"))
    fixed = len(policies(platform)[ISOLATION]["egress"])
    allow = [_peer(rule) for rule in egress[fixed:]]
    peers = [peer for peer in allow if peer is not None]
    if len(peers) == len(allow) and policies(platform, peers, api_server=api_server) == live:
        return {"network": {"allow": peers} if peers else {}}
    notes.add(
        NoteRule.NETWORK,
        f"{listing(sorted(live))} differ from the policies of limits.network, so the entry leaves them unchanged",
        "declare limits.network: a run replaces them",
        object=f"NetworkPolicy {ISOLATION}",
    )
    return {}


def _peer(rule: Json) -> dict[str, Any] | None:
    targets, ports = mappings(rule.get("to")), mappings(rule.get("ports"))
    protocols = {port.get("protocol") for port in ports}
    if len(targets) != 1 or len(protocols) > 1:
        return None
    labels = mapping(mapping(targets[0].get("namespaceSelector")).get("matchLabels"))
    cidr = mapping(targets[0].get("ipBlock")).get("cidr")
    peer: dict[str, Any] = {"cidr": cidr} if cidr is not None else {"namespace": next(iter(labels.values()), None)}
    if ports:
        peer["ports"] = [port.get("port") for port in ports]
    if protocols - {"TCP"}:
        peer["protocol"] = next(iter(protocols))
    try:
        NetworkPeer.model_validate(peer)
    except ValidationError:
        return None
    return peer


def _note_others(notes: Notes, rule: NoteRule, kind: str, names: list[str], known: tuple[str, ...]) -> None:
    others = sorted(short(other) for other in names if other not in known)
    if others:
        notes.add(rule, f"further objects of kind {kind} stay outside of the entry: {listing(others)}", object=kind)

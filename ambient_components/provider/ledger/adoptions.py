"""The access that adopted workspaces have before their first run, read from the cluster."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, Final

from ambient_components.access import Ledger
from ambient_components.access.adoption import Adoption, adoption, notes
from ambient_components.access.recognition import Recognition, needs_of
from ambient_components.cluster.client import Cluster, core, path
from ambient_components.cluster.objects import Json, labels, mapping, mappings, name, namespace, short, text_at
from ambient_components.cluster.role_reading import WHOLE_CLUSTER, Place, read_roles
from ambient_components.cluster.roles import owners
from ambient_components.errors import Problem, StepError
from ambient_components.platform.contract import APP_LABEL, KEY_APP, MANAGED_LABEL, OWNER_ROLE_LABEL, RBAC_API_GROUP
from ambient_components.rules.warnings import LoudWarning

_ONE_BY_ONE: Final = 20
"""Workspaces up to which each is listed by itself. The whole cluster may have many others."""

_SUBJECTS: Final = 500
"""Subjects read of one binding. A workspace's users may write objects that do not fit into memory."""


_LABELS: Final = (APP_LABEL, MANAGED_LABEL, OWNER_ROLE_LABEL)
"""Labels by which the reason for access is known."""


def adopted(cluster: Cluster, there: set[str], before: Ledger, after: Ledger) -> tuple[list[Problem], list[Problem]]:
    """Return notes about the workspaces that this run adopts, and a warning if the cluster can't be read."""
    new = sorted(one for one in after.keys() - before.keys() if after[one].adopt and after[one].is_active)
    existing = [one for one in new if one in there]
    try:
        found = [*_adoptions(cluster, existing, after)] if existing else []
    except StepError as error:
        what = "the access in adopted workspaces can't be read"
        return [], [error.problem.within(what, rule=LoudWarning.NOT_CHECKED)]
    missing = [Adoption(one, False) for one in new if one not in there]
    return [note for one in sorted([*found, *missing]) for note in notes(one)], []


def _adoptions(cluster: Cluster, workspaces: Collection[str], after: Ledger) -> Iterator[Adoption]:
    bindings = dict[str, list[Json]]((one, []) for one in workspaces)
    accounts = dict[str, list[Json]]((one, []) for one in workspaces)
    places: Collection[Place] = WHOLE_CLUSTER
    if len(workspaces) <= _ONE_BY_ONE:
        places = [("namespaces", one) for one in workspaces]
    for place in places:
        for item in cluster.each(path("apis", RBAC_API_GROUP, "v1", *place, "rolebindings")):
            if namespace(item) in bindings:
                bindings[namespace(item)].append(_small(item))
        for item in cluster.each(core(*place, "serviceaccounts"), f"{APP_LABEL}={KEY_APP}"):
            if namespace(item) in accounts:
                accounts[namespace(item)].append(_small(item))
    listed = [binding for found in bindings.values() for binding in found]
    own = Recognition.of(read_roles(cluster, needs_of(listed, own=True), places)).own
    for one in workspaces:
        yield adoption(one, after[one], bindings[one], accounts[one], own)


def _small(item: Json) -> dict[str, Any]:
    """Return what the access of an object depends on. Longer names than `short` leaves are no declared subject's."""
    found = labels(item)
    metadata = {
        "name": name(item),
        "namespace": namespace(item),
        "labels": {key: found[key] for key in _LABELS if key in found},
        "ownerReferences": owners(item),
    }
    subjects = islice(mappings(mapping(item).get("subjects")), _SUBJECTS)
    return {
        "metadata": metadata,
        "roleRef": _texts(mapping(mapping(item).get("roleRef"))),
        "subjects": [*map(_texts, subjects)],
    }


def _texts(item: Json) -> dict[str, str]:
    return {key: short(text_at(item, key)) for key in ("kind", "namespace", "name") if key in item}

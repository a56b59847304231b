"""The RoleBindings of grants and owners in a stack's state. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ambient_components.access.bindings import ROLE_BINDING
from ambient_components.access.role_assignments import GRANT, OWNER
from ambient_components.cluster.objects import role_ref
from ambient_components.engine import names
from ambient_components.engine.names import Part
from ambient_components.engine.state import Export, operations, resources
from ambient_components.platform.contract import ROLES, cluster_role

KINDS: Final = {Part.GRANT: GRANT, Part.OWNER: OWNER}
"""The kinds of access that this command changes, by the part of the logical name."""

_ROLES: Final = {f"ClusterRole/{cluster_role(role)}": role.value for role in ROLES}


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    workspace: str
    subject: str
    kind: str
    """grant or owner."""
    name: str
    """The name of the object."""
    role: str
    logical: str
    """The logical name of the resource."""


def bindings(export: Export, subject: str = "", kinds: Collection[str] = (GRANT, OWNER)) -> tuple[Binding, ...]:
    """Return the RoleBindings in a state, sorted.

    Args:
        subject: Only those of this subject. Empty for all.
        kinds: grant, owner or both.
    """
    return tuple(sorted({one for one in _bindings(export) if subject in ("", one.subject) and one.kind in kinds}))


def _bindings(export: Export) -> Iterator[Binding]:
    # Pending operations of a killed run may have taken effect in the cluster.
    for item in (*resources(export), *(one.resource for one in operations(export))):
        name = names.parse(item.name)
        if name is None or name.part not in KINDS or item.kind != ROLE_BINDING:
            continue
        made = str((item.inputs.get("metadata") or {}).get("name") or "")
        bound = role_ref(item.inputs)
        yield Binding(name.workspace, name.item, KINDS[name.part], made, _ROLES.get(bound, bound), item.name)

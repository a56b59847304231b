"""What the platform's operator makes in a workspace, as contract 12 describes it: the sandbox has no operator."""

from typing import Any

from ambient_components.platform.contract import PROJECT_SETTINGS, SESSIONS
from tests.support.attacks import CORE, PLATFORM, RBAC
from tests.support.machine import Machine
from tests.support.operator_made import API, of_schedules, of_session, owner_reference


def operators_trigger(machine: Machine, workspace: str) -> dict[str, Any]:
    """The identity with which schedules create sessions; its owner reference."""
    uid = _owner(machine, workspace, "projectsettings", "ProjectSettings", PROJECT_SETTINGS, {"groupAccess": []})
    _make(machine, workspace, of_schedules(workspace, uid))
    return owner_reference("ProjectSettings", PROJECT_SETTINGS, uid)


def operators_session(machine: Machine, workspace: str, name: str) -> dict[str, Any]:
    """A session and its identity; the owner reference of what belongs to it."""
    uid = _owner(machine, workspace, SESSIONS, "AgenticSession", name, {"initialPrompt": "Wait"})
    _make(machine, workspace, of_session(workspace, name, uid))
    return owner_reference("AgenticSession", name, uid)


def _owner(machine: Machine, workspace: str, plural: str, kind: str, name: str, spec: dict[str, Any]) -> str:
    """Make an object unless it exists; its uid."""
    collection = f"{PLATFORM}/{workspace}/{plural}"
    if machine.get(f"{collection}/{name}") is None:
        machine.create(collection, {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec})
    served = machine.get(f"{collection}/{name}")
    assert served is not None
    return str(served["metadata"]["uid"])


def _make(machine: Machine, workspace: str, identity: dict[str, Any]) -> None:
    for plural, body in identity.items():
        machine.create(f"{CORE if plural == 'serviceaccounts' else RBAC}/{workspace}/{plural}", body)

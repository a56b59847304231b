"""Workspaces for the guard's tests, each with the same people, keys and sessions, and other words in its guard."""

from typing import Any

from ambient_components.platform.contract import GUARD_DIGEST_ANNOTATION, MANAGED, MANAGED_LABEL
from ambient_components.rules.guard import SWITCHES
from tests.support.attacks import known
from tests.support.callers import ADMINISTRATOR, Callers
from tests.support.guard_tries import (
    ADMIN_KEY,
    SESSION,
    TRIGGER,
    UI_KEY,
    VIEW_KEY,
    Body,
    binding,
    ci,
    grant,
    key,
    key_grant,
    make,
    notes,
    of,
    own_account,
    person,
    pod_spec,
    schedule,
    session,
)
from tests.support.machine import Machine
from tests.support.operator_made import SESSION_RULES, TRIGGER_RULES


def noted_digest(item: dict[str, Any]) -> Any:
    """The digest of an object of the guard as it was printed."""
    return item["metadata"]["annotations"][GUARD_DIGEST_ANNOTATION]


FILE = "stacks/dev.yaml"
LABEL = "ambient-components/guard"
WORKSPACES: dict[str, tuple[str, dict[str, str]]] = {
    "free": ("", {}),
    "own": ("deny", {"guard-sharing": "own", "guard-off": "removesKeys"}),
    "whole": ("deny", {"guard-sharing": "own"}),
    "view": ("deny", {"guard-sharing": "view", "guard-off": "removesKeys"}),
    "none": ("deny", {"guard-sharing": "none", "guard-off": "removesKeys"}),
    "off": ("deny", {"guard-off": ",".join(SWITCHES)}),
    "warned": ("warn", {}),
    "audited": ("audit", {}),
}
"""Workspaces by a short name: the mode, and what the run of a stack writes beside it."""


def path_of(item: dict[str, Any]) -> str:
    """The path of one of the guard's objects."""
    kind = item["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"/apis/{item['apiVersion']}/{plural}/{item['metadata']['name']}"


def make_workspace(machine: Machine, callers: Callers, w: str, mode: str, annotations: dict[str, str]) -> None:
    """A workspace with its people, keys and a session, as pages, runs and the operator leave it."""

    def there(collection: str, body: Body) -> None:
        answer = make(collection, body).send(callers, ADMINISTRATOR, w, is_dry=False)
        assert answer.taken, answer.message

    labels = {MANAGED_LABEL: MANAGED, **({LABEL: mode} if mode else {})}
    written = {"guard-keys": "ci", "guard-file": FILE, **annotations} if mode else {}
    marks = {f"ambient-components/{name}": value for name, value in written.items()}
    machine.create("/api/v1/namespaces", of(w, labels, annotations=marks))
    for name, role in (("bob@example.com", "edit"), ("alice@example.com", "admin"), ("dora", "view"), ("edda", "edit")):
        there("rolebindings", grant(role, name))
    for name in ("kate@example.com", "edda"):
        role = "admin" if name.startswith("kate") else "edit"
        there("rolebindings", binding(f"kubernetes-{name}", role, person(name)))
    there("rolebindings", grant("edit", "binder@example.com"))
    there("rolebindings", grant("edit", "carol-other"))
    there("rolebindings", binding("binds", "ambient-test-binds", person("binder@example.com")))
    there("rolebindings", binding("ambient-admin-olga", "ambient-project-admin", person("olga")))
    there("rolebindings", binding("nodes", "system:node", {"kind": "Group", "name": "system:nodes"}))
    sync = {"kind": "ServiceAccount", "name": "sync", "namespace": "external-secrets"}
    there("rolebindings", binding("sync", "ambient-project-admin", sync))
    for name, role, creator in (
        (UI_KEY, "edit", "alice-example.com"),
        (ADMIN_KEY, "admin", "bob-example.com"),
        (VIEW_KEY, "view", "bob-example.com"),
        (ci(w), "edit", ""),
    ):
        there("serviceaccounts", key(name, role, creator))
        bound = key_grant(w, role, name)
        there("rolebindings", bound if name != ci(w) else {**bound, "metadata": {**bound["metadata"], "name": ci(w)}})
    there("serviceaccounts", of("builder"))
    there(
        "rolebindings",
        binding("builder", "ambient-project-admin", own_account(w, "builder")),
    )
    for name, rules, creator in ((SESSION, SESSION_RULES, "bob-example.com"), (TRIGGER, TRIGGER_RULES, "")):
        app = {"app": "ambient-runner"} if name == SESSION else {}
        there("serviceaccounts", of(name, app, annotations=notes(created_by_user_id=creator) if creator else {}))
        there("roles", {**of(name), "rules": rules})
        there(
            "rolebindings",
            binding(f"{name}-rb", name, own_account(w, name), "Role"),
        )
    there("pods", {**of("agent"), "spec": pod_spec(SESSION)})
    there("secrets", of("plain"))
    there("secrets", of("of-ci", {"ambient-components/key": "ci"}))
    there("agenticsessions", session("bob-example.com", "s1"))
    there("agenticsessions", session("", "nobodys"))
    settings = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "ProjectSettings", **of("projectsettings")}
    there("projectsettings", {**settings, "spec": {"groupAccess": []}})
    there("cronjobs", schedule("bob-example.com", "bob-example.com"))
    for name in ("bob@example.com", "alice@example.com", "kate@example.com", "edda", "binder@example.com"):
        known(machine, w, f"user:{name}")

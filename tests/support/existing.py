"""Objects of workspaces as the platform's backend and operator make them, and as people change them with kubectl.

Field by field as docs/internals/platform-contract.md, 1 and 3, has them; the conformance recordings have the same.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from ambient_components.adoption.existing import ExistingObjects, NamespaceObjects
from ambient_components.adoption.workspaces import ExistingWorkspace, Reader, existing_workspaces
from ambient_components.platform import naming
from ambient_components.platform.contract import Role, cluster_role
from ambient_components.platform.subjects import parse_subject
from tests.support import operator_made as operator
from tests.support.fake_api import FakeApi

Object = dict[str, Any]

OWNER = "app/dev"
RBAC = "rbac.authorization.k8s.io"
MANAGED = {"ambient-code.io/managed": "true", "app.kubernetes.io/managed-by": "ambient-code"}
COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "RoleBinding": f"/apis/{RBAC}/v1/namespaces/{{}}/rolebindings",
    "Role": f"/apis/{RBAC}/v1/namespaces/{{}}/roles",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "LimitRange": "/api/v1/namespaces/{}/limitranges",
    "ResourceQuota": "/api/v1/namespaces/{}/resourcequotas",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "ProjectSettings": "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/projectsettings",
}


def made(kind: str, workspace: str, name: str, **body: Any) -> Object:
    """An object of any kind; labels, annotations and further metadata by name."""
    extra = {key: body.pop(key) for key in ("labels", "annotations", "finalizers", "ownerReferences") if key in body}
    extra |= {key: body.pop(key) for key in ("managedFields", "deletionTimestamp", "creationTimestamp") if key in body}
    place = {} if kind == "Namespace" else {"namespace": workspace}
    metadata = {"name": name, **place, "uid": f"uid-{kind}-{workspace}-{name}", "labels": {}, "annotations": {}}
    return {"kind": kind, "metadata": {**metadata, **extra}, **body}


def namespace(workspace: str, labels: Object | None = None, **more: Any) -> Object:
    """The Namespace as the backend makes it."""
    own = {**MANAGED, "kubernetes.io/metadata.name": workspace}
    return made("Namespace", workspace, workspace, labels={**own, **(labels or {})}, **more)


def subject_entry(text: str) -> Object:
    return parse_subject(text).rbac_subject()


def binding(workspace: str, name: str, role: str, *subjects: str, **more: Any) -> Object:
    """A RoleBinding; the role is one of the platform's, or KIND/NAME."""
    kind, _, other = role.partition("/")
    reference = {"kind": kind, "name": other} if other else {"kind": "ClusterRole", "name": cluster_role(Role(role))}
    more.setdefault("subjects", [subject_entry(subject) for subject in subjects])
    return made("RoleBinding", workspace, name, roleRef={"apiGroup": RBAC, **reference}, **more)


def creator(workspace: str, subject: str = "user:alice@example.com", **more: Any) -> Object:
    """What the backend makes for the user who creates a workspace. Contract 1.2."""
    name = naming.owner_binding(parse_subject(subject))
    return binding(workspace, name, "admin", subject, **{"labels": {"ambient-code.io/role": "admin"}, **more})


def shared(workspace: str, subject: str, role: str = "view", **more: Any) -> Object:
    """What the Sharing page makes. Contract 1.3."""
    who = parse_subject(subject)
    fields = {
        "labels": {"app": "ambient-permission"},
        "annotations": {
            "ambient-code.io/subject-kind": who.rbac_kind,
            "ambient-code.io/subject-name": who.name,
            "ambient-code.io/role": role,
        },
    }
    return binding(workspace, naming.grant_binding(Role(role), who), role, subject, **{**fields, **more})


def key(workspace: str, name: str, role: str = "edit", description: str = "", used: str = "") -> list[Object]:
    """What the Keys page makes: a ServiceAccount and its RoleBinding. The digits are random in the backend."""
    digits = hashlib.sha256(f"random {workspace} {name} {role}".encode()).hexdigest()[:8]
    return _key(workspace, f"{naming.sanitize_name(name)}-{digits}", name, role, description, used)


def own_key(workspace: str, key_id: str, role: str = "edit", generation: int = 1) -> list[Object]:
    """What this project makes, as in a workspace that another stack has released."""
    rest = f"{key_id}-{naming.key_suffix(workspace, key_id, generation)}"
    made = _key(workspace, rest, key_id, role, "", "")
    del made[0]["metadata"]["annotations"]["ambient-code.io/created-by-user-id"]
    return made


def _key(workspace: str, rest: str, name: str, role: str, description: str, used: str) -> list[Object]:
    account = f"ambient-key-{rest}"
    notes = {"ambient-code.io/key-name": name, "ambient-code.io/role": role}
    times = {"ambient-code.io/created-at": "2026-03-01T10:00:00Z"}
    times |= {"ambient-code.io/last-used-at": used} if used else {}
    user = {"ambient-code.io/created-by-user-id": "alice-example.com"}
    labels = {"app": "ambient-access-key"}
    return [
        made(
            "ServiceAccount", workspace, account, labels=labels, creationTimestamp="2026-03-01T10:00:00Z",
            annotations={**notes, **times, **user, "ambient-code.io/description": description},
        ),
        binding(
            workspace, f"ambient-key-{role}-{rest}", role, f"serviceaccount:{workspace}:{account}", labels=labels,
            annotations={**notes, "ambient-code.io/sa-name": account},
        ),
    ]  # fmt: skip


def secret(workspace: str, name: str, **values: str) -> Object:
    """One of the two Secrets of a workspace."""
    data = {field: base64.b64encode(value.encode()).decode() for field, value in values.items()}
    return made("Secret", workspace, name, data=data, annotations={"ambient-code.io/runner-secret": "true"})


def settings(workspace: str, **spec: Any) -> Object:
    """ProjectSettings as the operator makes it, with the CRD's default."""
    spec = {"groupAccess": [], "inactivityTimeoutSeconds": 86_400, **spec}
    return made("ProjectSettings", workspace, "projectsettings", spec=spec)


def limit_range(workspace: str, **item: Any) -> Object:
    """The LimitRange as the operator makes it; `item` replaces fields of its only item."""
    default = {"default": {"cpu": "2", "memory": "4Gi"}, "defaultRequest": {"cpu": "250m", "memory": "256Mi"}}
    limits = [{"type": "Container", **default, **item}]
    return made("LimitRange", workspace, "ambient-default-limits", spec={"limits": limits})


def flags(workspace: str, **values: str) -> Object:
    """Overrides of feature flags as the backend writes them."""
    labels = {"app.kubernetes.io/managed-by": "ambient-code", "app.kubernetes.io/component": "feature-flags"}
    return made("ConfigMap", workspace, "feature-flag-overrides", labels=labels, data=values)


def operator_made(workspace: str) -> list[Object]:
    """What the operator makes in every workspace. Contract 4."""
    owner = settings(workspace)
    of_schedules = operator.of_schedules(workspace, owner["metadata"]["uid"])
    return [
        owner,
        limit_range(workspace),
        *(
            made(item["kind"], workspace, **_flat(item))
            for plural, item in of_schedules.items()
            if plural != "serviceaccounts"
        ),
        made("NetworkPolicy", workspace, "runner-allow-backend-only", spec={"podSelector": {}}),
    ]


def session(workspace: str, name: str) -> list[Object]:
    """A session, with what the operator makes for it."""
    owner = made("AgenticSession", workspace, name)
    of_it = operator.of_session(workspace, name, owner["metadata"]["uid"])
    return [owner, *(made(of_it[one]["kind"], workspace, **_flat(of_it[one])) for one in ("roles", "rolebindings"))]


def _flat(item: Object) -> Object:
    """Metadata and all other fields side by side, as `made` takes them."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "namespace"}
    return metadata | {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata")}


def plain(workspace: str) -> list[Object]:
    """A workspace as it is right after its creation in the UI."""
    return [namespace(workspace), creator(workspace), *operator_made(workspace)]


def replaced(objects: Iterable[Object], *others: Object) -> list[Object]:
    """The objects, with others in place of those of the same kind and name."""
    found = {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item for item in objects}
    found |= {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item for item in others}
    return [*found.values()]


def serve(api: FakeApi, objects: Iterable[Object]) -> None:
    """Put the objects into a cluster."""
    for item in objects:
        metadata = item["metadata"]
        path = COLLECTIONS[item["kind"]].format(metadata.get("namespace", ""))
        api.objects[f"{path}/{metadata['name']}"] = item


def gathered(objects: Iterable[Object]) -> ExistingObjects:  # noqa: PLR0912  # one case a kind
    """The objects grouped by workspace, without a cluster."""
    items = [*objects]
    spaces = {item["metadata"]["name"]: NamespaceObjects(item) for item in items if item["kind"] == "Namespace"}
    for item in items:
        name, space = item["metadata"]["name"], spaces.get(item["metadata"].get("namespace"))
        if space is None:
            continue
        match item["kind"]:
            case "RoleBinding":
                space.bindings.append(item)
            case "ServiceAccount":
                space.accounts.append(item)
            case "Role" | "AgenticSession" as kind:
                (space.roles if kind == "Role" else space.sessions).append(item)
            case "Secret":
                space.secrets[name] = tuple(sorted(item["data"]))
            case "ConfigMap" if name == "feature-flag-overrides":
                space.flags = item
            case "ConfigMap":
                space.ca_bundle = item
            case "ProjectSettings":
                space.settings = item
            case "LimitRange":
                space.limit_ranges.append(item)
            case "ResourceQuota":
                space.quotas.append(item)
            case "NetworkPolicy":
                space.policies.append(item)
            case "CronJob":
                space.schedules.append(item)
    return ExistingObjects(spaces)


def one(objects: Iterable[Object], **reader: Any) -> ExistingWorkspace:
    """The only workspace of these objects, which can be adopted."""
    (workspace,) = existing_workspaces(gathered(objects), Reader(OWNER, **reader))
    assert isinstance(workspace, ExistingWorkspace), workspace
    return workspace


def of_pay(*others: Object, **reader: Any) -> ExistingWorkspace:
    """The workspace `pay`: as it is right after its creation, with these objects."""
    return one(replaced(plain("pay"), *others), **reader)


def rules(found: ExistingWorkspace) -> list[str]:
    """The rules of its notes."""
    return [note.rule.value for note in found.notes]

"""The sandbox of a walk: what the values of fields refer to, what is in the cluster, and who has access there."""

import base64
import hashlib
import http.client
import json
import re
import secrets
import ssl
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from ambient_components.platform.contract import IDLE_TIMEOUT_DEFAULT
from ambient_components.platform.naming import key_account
from sandbox.ui_style import UiWorkspace
from tests.support.certificates import CERTIFICATE
from tests.support.machine import Machine
from tests.support.stacks import Stack

NAMESPACES: Final = ("walk-one", "walk-two")
SECRETS: Final = {"one": ("one", "TWO_of.the-edge"), "two.of-the.edge": ("one", "TWO_of.the-edge")}
"""Keys of each Secret, in both namespaces."""

BASE: Final[dict[str, Any]] = {
    "protect": False,
    "owners": ["user:base.owner@example.com"],
    "grants": [{"group": "base-devs", "role": "edit"}],
    "keys": {"base": {}},
}
"""What every workspace of the walk has, unless the walked field replaces it."""

FRAME: Final[dict[str, Any]] = {
    "guardrails": {
        "secretSources": [
            *({"namespace": name} for name in NAMESPACES),
            {"variables": "WALK_*"},
            {"folder": "stacks/walk"},
        ]
    },
    "exceptions": [
        {"guardrail": name, "reason": "the walk takes everything away"}
        for name in ("massRemoval", "noAdmin", "adminKey", "adminPipeline", "nonExpiringKey", "actingKey")
    ],
    "templates": {"small": {"limits": {"quota": {"pods": 5}}}, "large": {"limits": {"quota": {"pods": 50}}}},
}
"""The rest of the stack file."""

STRANGERS: Final = ("user:nobody@example.com", "group:strangers", "serviceaccount:default:default")
RIGHTS: Final = {
    "view": ("list", "vteam.ambient-code", "agenticsessions"),
    "edit": ("create", "vteam.ambient-code", "agenticsessions"),
    "admin": ("delete", "vteam.ambient-code", "agenticsessions"),
}
"""A right that a role has, and none below it: verb, API group and resource."""

ROLES: Final = ("", "view", "edit", "admin")


def file_of(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a stack file in JSON, which is YAML; `THIS` in an entry is its workspace's name."""
    workspaces = {name: json.loads(json.dumps(entry).replace("THIS", name)) for name, entry in entries.items()}
    return json.dumps({**FRAME, "workspaces": workspaces})


def file_text(parts: Mapping[str, Any], name: str) -> str:
    """Return a whole stack file in JSON; `THIS` in it is the name of its only workspace."""
    return json.dumps(parts).replace("THIS", name)


def furnish(stack: Stack) -> None:
    """Make all that the values refer to: files, variables, values of the config, Secrets of other namespaces."""
    folder = stack.folder / "stacks" / "walk"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.pem").write_text(CERTIFICATE if name == "one" else CERTIFICATE * 2)
        (folder / f"{name}.txt").write_text(_secret(stack.machine, f"file {name}"))
        stack.environment[f"WALK_{name.upper()}"] = _secret(stack.machine, f"variable {name}")
        stack.secret(f"walk/{name}")
    for namespace in NAMESPACES:
        if stack.machine.get(f"/api/v1/namespaces/{namespace}") is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            stack.machine.create("/api/v1/namespaces", body)
            for secret, keys in SECRETS.items():
                data = {key: _secret(stack.machine, f"{namespace}/{secret}/{key}") for key in keys}
                body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": data}
                stack.machine.create(f"/api/v1/namespaces/{namespace}/secrets", body)


def _secret(machine: Machine, what: str) -> str:
    return machine.keep_secret(f"made-up-{secrets.token_urlsafe(24)}", f"the walk's {what}")


class Connection:
    """One connection to the API server as its administrator: a walk asks some thousand questions."""

    def __init__(self, machine: Machine) -> None:
        self._token = machine.cluster.token_of("sandbox-admin")
        self._context = ssl.create_default_context(cafile=str(machine.cluster.ca_file))
        self._address = urlsplit(machine.cluster.url)
        self._open: http.client.HTTPSConnection | None = None

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and return the answer; once more where the server has closed an idle connection."""
        try:
            return self._send(method, path, body)
        except (http.client.RemoteDisconnected, ConnectionError):
            self._open = None
            return self._send(method, path, body)

    def _send(self, method: str, path: str, body: object) -> Any:
        if self._open is None:
            self._open = http.client.HTTPSConnection(
                str(self._address.hostname), self._address.port, context=self._context, timeout=60
            )
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        self._open.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._open.getresponse()
        text = answer.read()
        assert answer.status < 300, (method, path, answer.status, text[:300])
        return json.loads(text)

    def allowed(self, workspace: str, subject: str, right: tuple[str, str, str]) -> bool:
        """Return the API server's answer to a SubjectAccessReview."""
        verb, group, resource = right
        kind, _, name = subject.partition(":")
        who = {
            "user": {"user": name},
            "group": {"user": "walk-member", "groups": [name]},
            "serviceaccount": {"user": f"system:serviceaccount:{name}"},
        }[kind]
        where = {"namespace": workspace, "verb": verb, "group": group, "resource": resource}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {**who, "resourceAttributes": where},
        }
        return bool(self.send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)["status"]["allowed"])


# What is there.

_LISTS: Final = (
    "/api/v1/serviceaccounts",
    "/api/v1/secrets",
    "/api/v1/configmaps",
    "/api/v1/limitranges",
    "/api/v1/resourcequotas",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/vteam.ambient-code/v1alpha1/projectsettings",
    "/apis/vteam.ambient-code/v1alpha1/agenticsessions",
)
_KUBERNETES_OWN: Final = {("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")}
PLATFORM_LIMITS: Final = dict(UiWorkspace("any")._limits()["spec"])
PLATFORM_SETTINGS: Final = {"groupAccess": [], "inactivityTimeoutSeconds": IDLE_TIMEOUT_DEFAULT}
TOKEN_LABEL: Final = "ambient-components/handle"
_MADE_UP: Final = re.compile(r"S3_(ACCESS|SECRET)_KEY|token$|one$|TWO_of\.the-edge$")
"""Values that are drawn for each run, in Secrets of buckets and of delivered keys."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)")
_UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH: Final = re.compile(r"-[0-9a-f]{8}(?![0-9a-z])")

Objects = dict[str, Any]
"""Objects of a workspace by kind and name, without what differs between two that are alike."""


class Snapshot:
    """All objects of the cluster that belong to workspaces of a walk, read at once.

    Args:
        connection: To the cluster.
        names: The workspaces.
    """

    def __init__(self, connection: Connection, names: Iterable[str]) -> None:
        self._names = sorted(names, key=len, reverse=True)
        self.objects: dict[str, Objects] = {}
        self.token_secrets: dict[str, set[str]] = {name: set() for name in self._names}
        self.accounts: dict[str, set[str]] = {name: set() for name in self._names}
        for item in connection.send("GET", "/api/v1/namespaces")["items"]:
            if item["metadata"]["name"] in self.token_secrets and "deletionTimestamp" not in item["metadata"]:
                self._add(item["metadata"]["name"], "namespaces", item)
        for path in _LISTS:
            kind = path.rpartition("/")[2]
            for item in connection.send("GET", path)["items"]:
                if (kind, item["metadata"]["name"]) in _KUBERNETES_OWN or self._is_platforms(kind, item):
                    continue
                if name := self._workspace(item):
                    self._add(name, kind, item)

    def _workspace(self, item: Mapping[str, Any]) -> str | None:
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        if namespace in self.token_secrets:
            return str(namespace)
        # A key's Secret lies elsewhere, and is named after the workspace.
        return next((one for one in self._names if namespace in NAMESPACES and name.startswith(one)), None)

    @staticmethod
    def _is_platforms(kind: str, item: Mapping[str, Any]) -> bool:
        """Whether it is what the platform itself has in a workspace: the operator's LimitRange and ProjectSettings, the
        UI's empty flags.

        No operator runs here. A run that no longer declares limits or settings leaves the platform's own behind, as the
        operator would make them again. And one that no longer declares flags leaves the UI's object, without flags.
        """
        flags = item["metadata"]["name"] == "feature-flag-overrides" and not item.get("data")
        limits = kind == "limitranges" and item.get("spec") == PLATFORM_LIMITS
        return flags or limits or (kind == "projectsettings" and item.get("spec") == PLATFORM_SETTINGS)

    def _add(self, workspace: str, kind: str, item: Mapping[str, Any]) -> None:
        metadata = item["metadata"]
        labels = metadata.get("labels") or {}
        if kind == "secrets" and TOKEN_LABEL in labels:
            self.token_secrets[workspace].add(metadata["name"])
            return
        if kind == "serviceaccounts" and labels.get("app") == "ambient-access-key":
            self.accounts[workspace].add(metadata["name"])
        kept = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if metadata.get(key)}
        rest = {key: value for key, value in item.items() if key not in ("metadata", "apiVersion", "kind", "status")}
        if kind == "secrets":
            rest["data"] = {key: _value(key, value, workspace) for key, value in (item.get("data") or {}).items()}
        text = json.dumps({"metadata": kept, **rest}, sort_keys=True).replace(workspace, "WORKSPACE")
        text = _HASH.sub("-HASH", _UID.sub("UID", _TIME.sub("TIME", text)))
        name = _HASH.sub("-HASH", metadata["name"].replace(workspace, "WORKSPACE"))
        self.objects.setdefault(workspace, {})[f"{kind}/{name}"] = json.loads(text)


def _value(key: str, encoded: str, workspace: str) -> str:
    """Return the same text for the same value, and for one that is drawn for each run."""
    if _MADE_UP.search(key):
        return "DRAWN"
    value = base64.b64decode(encoded).replace(workspace.encode(), b"WORKSPACE")
    return hashlib.sha256(value).hexdigest()[:12]


def differences(one: Objects, other: Objects) -> list[str]:
    """Return what is different between two workspaces that should be alike."""
    found = []
    for name in sorted({*one, *other}):
        first, second = one.get(name), other.get(name)
        if first != second:
            found.append(f"{name}: {_differing(first, second)}")
    return found


def _differing(first: Any, second: Any) -> str:
    if isinstance(first, dict) and isinstance(second, dict):
        keys = [key for key in sorted({*first, *second}) if first.get(key) != second.get(key)]
        return ", ".join(f"{key} {_differing(first.get(key), second.get(key))}" for key in keys)
    return f"[{json.dumps(first)[:200]} -> {json.dumps(second)[:200]}]"


# Who has access, by the file.


def roles_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the role of each subject that an entry names, now: "" where it has none.

    Written again, and not taken from the package: a test would compare the package with itself.
    """
    roles: dict[str, str] = {}
    closed = entry.get("state") == "closed"
    for subject in entry.get("owners", []):
        roles[subject] = "admin"
    for grant in entry.get("grants", []):
        pipeline = f"user:{name_of(grant['pipeline'])}" if "pipeline" in grant else ""
        subject = pipeline or (f"user:{grant['user']}" if "user" in grant else f"group:{grant['group']}")
        role = grant.get("role", "view") if not closed and _under_way(grant) else ""
        roles[subject] = max(roles.get(subject, ""), role, key=ROLES.index)
    return roles


def name_of(pipeline: Mapping[str, Any]) -> str:
    """Return the user name of a pipeline."""
    ((kind, one),) = pipeline.items()
    issuer = one.get("url") or one.get("issuer", "")
    head = f"{kind}+{issuer.removeprefix('https://').replace(':', '+')}" if issuer else kind
    if kind in ("cluster", "issuer"):
        return f"{head}:{one['subject'] if kind == 'issuer' else one['namespace'] + ':' + one['serviceAccount']}"
    place = one.get("branch") or (f"environment:{one['environment']}" if "environment" in one else "tag:*")
    protected = "" if one.get("protected", True) else "unprotected:"
    return f"{head}:{one.get('repository') or one['project']}:{one['id']}@{protected}{place}"


def accounts_of(workspace: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the role of each account of a key that an entry names."""
    if entry.get("state") == "closed":
        return {}
    roles = {}
    for key_id, key in entry.get("keys", {}).items():
        generation = key.get("generation", 1)
        before = "overlapUntil" in key and date.fromisoformat(key["overlapUntil"]) >= datetime.now(UTC).date()
        for number in (generation, generation - 1) if before and generation > 1 else (generation,):
            roles[key_account(workspace, key_id, number)] = key.get("role", "edit")
    return roles


def _under_way(grant: Mapping[str, Any]) -> bool:
    now = datetime.now(UTC)
    start, end = grant.get("from"), grant.get("until")
    return (start is None or _moment(start, 0) <= now) and (end is None or now < _moment(end, 1))


def _moment(text: str, days: int) -> datetime:
    """The start of a day, or of the day after it; or the moment itself."""
    if "T" in text:
        return datetime.fromisoformat(text)
    return datetime.combine(date.fromisoformat(text) + timedelta(days=days), datetime.min.time(), UTC)


def questions(roles: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str, str], bool]]:
    """Yield subject, right and the answer that is due, for all three roles of each subject."""
    for subject, role in roles.items():
        for least, right in RIGHTS.items():
            yield subject, right, ROLES.index(role) >= ROLES.index(least)

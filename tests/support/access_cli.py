"""A stack with two workspaces, for the tests of `ambient access`: its files, its state, and its cluster in memory."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ambient_components.errors import fail
from ambient_components.stacks import pulumi as cli_engine
from tests.support.access_objects import by_platform, in_state, made
from tests.support.fake_api import PLATFORM, SYSTEM_UID, FakeApi
from tests.support.projects import write_project

FILE = """
workspaces:
  billing:
    owners: [user:alice@example.com]
    keys: {ci: {role: view}}
  payments:
    owners: [user:alice@example.com]
    grants: [{group: payments-devs, role: edit}, {user: bob@example.com}]
    keys: {ci: {}}
"""
FILES = {
    "Pulumi.yaml": "name: p\nruntime: python\nstackConfigDir: stacks\n",
    "stacks/dev.yaml": FILE,
    "stacks/Pulumi.dev.yaml": f"config: {{p:clusterUid: {SYSTEM_UID}}}\n",
}
ALICE = "user:alice@example.com"
LEDGER: dict[str, Any] = {
    "billing": {
        "state": "active",
        "owners": [ALICE],
        "grants": {},
        "keys": {"ci": {"role": "view", "generation": 1}},
    },
    "payments": {
        "state": "active",
        "owners": [ALICE],
        "grants": {"group:payments-devs": "edit", "user:bob@example.com": "view"},
        "keys": {"ci": {"role": "edit", "generation": 1}},
    },
}
RBAC = "/apis/rbac.authorization.k8s.io/v1"
BINDINGS = f"{RBAC}/namespaces/payments/rolebindings"
ACCOUNTS = "/api/v1/namespaces/payments/serviceaccounts"

DECLARED = """\
billing
  admin  user:alice@example.com  owner
  view   key:ci                  key

payments
  admin  user:alice@example.com  owner
  edit   group:payments-devs     grant
  edit   key:ci                  key
  view   user:bob@example.com    grant
"""


class FakePulumi:
    """Answers from memory, and remembers what it was asked."""

    def __init__(self) -> None:
        self.ledgers: dict[str, Any] = {"dev": LEDGER}
        self.given: dict[str, Any] | None = None
        """What runs made of it, as a ledger. None means all of it."""
        self.calls: list[tuple[str, ...]] = []
        self.environ: Mapping[str, str] = {}

    def with_backend(self, url: str) -> "FakePulumi":
        raise NotImplementedError

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self.calls.append(arguments)
        match arguments:
            case ("stack", "export", "--stack", stack) if stack in self.ledgers:
                kind = "ambient:index:AccessLedger"
                ledger = [{"type": kind, "urn": f"{kind}::access", "inputs": {"workspaces": self.ledgers[stack]}}]
                given = in_state(self.ledgers[stack] if self.given is None else self.given)
                resources = [
                    {"type": "pulumi:pulumi:Stack", "urn": "s"},
                    *(ledger if self.ledgers[stack] else []),
                    *given,
                ]
                return json.dumps({"deployment": {"resources": resources}})
        return fail(None, "", f"`pulumi {' '.join(arguments)}` failed: no stack named {arguments[-1]!r} found")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


@pytest.fixture
def pulumi(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    fake = FakePulumi()
    monkeypatch.setattr(cli_engine, "PulumiEngine", lambda _folder: fake)
    return fake


@pytest.fixture
def api(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """The stack's cluster, with all that is declared, and what the platform makes for itself."""
    with FakeApi() as server:
        file = project / "kubeconfig"
        file.write_text(server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(file))
        bindings, accounts = made(LEDGER)
        put(server, *bindings, *by_platform("payments", "s1", "s2"), accounts=accounts)
        yield server


_COLLECTIONS = {
    "RoleBinding": f"{RBAC}{{}}/rolebindings",
    "Role": f"{RBAC}{{}}/roles",
    "ServiceAccount": "/api/v1{}/serviceaccounts",
    "ProjectSettings": f"{PLATFORM}{{}}/projectsettings",
    "AgenticSession": f"{PLATFORM}{{}}/agenticsessions",
}


def put(api: FakeApi, *bindings: Any, accounts: Any = ()) -> None:
    """Somebody makes these."""
    for binding in (*bindings, *accounts):
        metadata = binding["metadata"]
        place = f"/namespaces/{metadata['namespace']}"
        kind = binding.get("kind") or ("RoleBinding" if "roleRef" in binding else "ServiceAccount")
        body = {key: value for key, value in binding.items() if key != "metadata"}
        made = api.add(
            _COLLECTIONS[kind].format(place), metadata["name"], metadata.get("uid"), metadata.get("labels"), **body
        )
        made["ownerReferences"] = metadata.get("ownerReferences", [])

"""The insider: a workspace user with role edit and nothing else, used by the tests of tests/engine/insider."""

from dataclasses import dataclass
from typing import Any

from ambient_components.platform.contract import RBAC_API_GROUP
from ambient_components.platform.naming import key_account
from sandbox.credentials import BOB
from tests.support.attacks import CORE, MERGE, RBAC, Bearer
from tests.support.stacks import Stack

WITH_INSIDER = """\
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants:
      - {user: bob@example.com, role: edit}
    keys:
      ci: {role: edit}
"""
WITHOUT_INSIDER = WITH_INSIDER.replace("      - {user: bob@example.com, role: edit}\n", "").replace("    grants:\n", "")


@dataclass(frozen=True)
class Insider:
    """Bob, in the workspace of a stack. Every request goes to the real API server with his own credentials."""

    stack: Stack

    @property
    def bearer(self) -> Bearer:
        """His credentials; they stay valid after his grant ends, as a person's do."""
        return Bearer(self.stack.machine, self.stack.machine.cluster.token_of(BOB.name))

    def account_of(self, key_id: str, generation: int) -> str:
        """The public name of a key's ServiceAccount, of any generation."""
        return key_account(self.stack.w, key_id, generation)

    def create(self, collection: str, body: dict[str, Any]) -> Any:
        """Make an object of the core group in the workspace; he must be allowed to."""
        return self._done("POST", f"{CORE}/{self.stack.w}/{collection}", body)

    def patch(self, collection: str, name: str, body: dict[str, Any]) -> Any:
        """Change an object of the core group in the workspace; he must be allowed to."""
        return self._done("PATCH", f"{CORE}/{self.stack.w}/{collection}/{name}", body, MERGE)

    def bind(self, body: dict[str, Any]) -> Any:
        """Make a RoleBinding in the workspace; he must be allowed to."""
        return self._done("POST", f"{RBAC}/{self.stack.w}/rolebindings", body)

    def rebind(self, name: str, body: dict[str, Any]) -> Any:
        """Change a RoleBinding in the workspace; he must be allowed to."""
        return self._done("PATCH", f"{RBAC}/{self.stack.w}/rolebindings/{name}", body, MERGE)

    def own_role(self) -> dict[str, str]:
        """Make a Role of the workspace, as he may; its roleRef."""
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
        body = {"apiVersion": f"{RBAC_API_GROUP}/v1", "kind": "Role", "metadata": {"name": "of-bob"}, "rules": rules}
        self._done("POST", f"{RBAC}/{self.stack.w}/roles", body)
        return {"apiGroup": RBAC_API_GROUP, "kind": "Role", "name": "of-bob"}

    def still_inside(self) -> bool:
        """Whether he can still make accounts, which is what edit gives him."""
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"generateName": "probe-"}}
        return self.bearer.can("POST", f"{CORE}/{self.stack.w}/serviceaccounts", body)

    def _done(self, method: str, path: str, body: dict[str, Any], kind: str = "application/json") -> Any:
        status, made = self.bearer.send(method, path, body, kind)
        assert status == 200, f"the attack itself failed: {method} {path}: {status}"
        return made

"""A cluster and an engine's environment for the tests, and a scan for secrets in everything that a run leaves."""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.api import Api, ApiError
from sandbox.cluster import Cluster
from sandbox.environment import child_environment, prepare
from sandbox.toolchain import Toolchain


def secret_finder(known: Mapping[str, str]) -> Callable[[bytes], list[str]]:
    """Return a function that names the secrets that a content holds, in plain text or in base64.

    Args:
        known: What each secret is, by its value.
    """
    forms = {}
    for value, what in known.items():
        forms[value.encode()] = what
        forms[base64.b64encode(value.encode())] = f"{what}, in base64"
    # All tokens begin alike: where that is not, none of a thousand needs to be looked for.
    alike: dict[bytes, list[bytes]] = {}
    for form in forms:
        alike.setdefault(form[:8], []).append(form)

    def held(content: bytes) -> list[str]:
        present = (form for head, group in alike.items() if head in content for form in group)
        return [forms[form] for form in present if form in content]

    return held


@dataclass
class Machine:
    """The cluster, the engine's environment, and what all tests of a run must not leak."""

    cluster: Cluster
    environment: dict[str, str]
    directory: Path
    known_secrets: dict[str, str] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    """Everything that any command printed, except where a test asked for a secret."""
    blank_stack: list[str] = field(default_factory=list)
    """The state and the config of a stack that was never deployed, in its files. See `tests.support.stacks`."""

    def keep_secret(self, value: str, what: str) -> str:
        """Remembers a secret for the scan."""
        self.known_secrets[value] = what
        return value

    def admin(self) -> Api:
        return self.cluster.api()

    def leaks(self) -> list[str]:
        """What holds a secret byte, in plain text or in base64: state, logs, printed output."""
        held = secret_finder(self.known_secrets)
        found = [f"{what} was printed" for what in held("\n".join(self.outputs).encode())]
        for path in self._left_behind():
            found += [f"{what} is in {path}" for what in held(path.read_bytes())]
        return found

    def _left_behind(self) -> Iterator[Path]:
        # The API server's own store holds Secrets, as it does everywhere; the users' kubeconfigs hold their tokens.
        for folder in ("state", "logs", "pulumi-home"):
            yield from (path for path in (self.directory / folder).rglob("*") if path.is_file())

    def files_with(self, secret: str, *folders: Path) -> list[Path]:
        """Every file of this run that holds a secret, but for the API server's own store."""
        forms = (secret.encode(), base64.b64encode(secret.encode()))
        files = [path for folder in (self.directory, *folders) for path in folder.rglob("*") if path.is_file()]
        own = [path for path in files if self.directory / "etcd" not in path.parents]
        return [path for path in own if any(form in path.read_bytes() for form in forms)]

    def request(self, method: str, path: str, *, token: str, body: object = None) -> int:
        """The status of one request, as a client of the API server with this bearer."""
        api = Api(self.cluster.url, self.cluster.ca_file, token)
        try:
            api.request(method, path, None if body is None else json.dumps(body).encode())
        except ApiError as error:
            return error.status
        return 200

    def get(self, path: str) -> dict[str, Any] | None:
        """An object, as the administrator sees it."""
        try:
            answer = self.admin().request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return answer if isinstance(answer, dict) else json.loads(answer)

    def create(self, path: str, body: dict[str, Any], *, user: str = "sandbox-admin") -> dict[str, Any]:
        """Somebody makes an object."""
        answer = self.cluster.api(user).request("POST", path, json.dumps(body).encode())
        return dict(answer)

    def mint(self, workspace: str, account: str, *, user: str) -> str:
        """A token that somebody asks for himself, past all records."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        made = self.create(f"/api/v1/namespaces/{workspace}/serviceaccounts/{account}/token", body, user=user)
        return self.keep_secret(made["status"]["token"], f"a token of {account} that {user} minted")

    def fill(self, workspace: str, what: str, most: int) -> str:
        """A quota that lets no more of this in; its path, for `delete`."""
        path = f"/api/v1/namespaces/{workspace}/resourcequotas"
        spec = {"hard": {f"count/{what}": str(most)}}
        self.create(path, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": spec})
        self.until(lambda: "used" in ((self.get(f"{path}/full") or {}).get("status") or {}), "the quota is counted")
        return f"{path}/full"

    def delete(self, path: str) -> None:
        """Somebody removes something by hand."""
        self.admin().request("DELETE", path)

    def without(self, *namespaces: str) -> None:
        """Remove namespaces that several tests use, and wait until they are gone."""
        paths = [f"/api/v1/namespaces/{name}" for name in namespaces]
        for path in paths:
            found = self.get(path)
            if found is not None and "deletionTimestamp" not in found["metadata"]:
                self.delete(path)
        self.until(lambda: not any(self.get(path) for path in paths), f"{namespaces} are gone")

    def until(self, done: Callable[[], bool], what: str, seconds: float = 40) -> None:
        """Waits for what Kubernetes does in its own time: a token cache, a deleted namespace."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.1)


@contextmanager
def started(directory: Path, toolchain: Toolchain, *flags: str) -> Iterator[Machine]:
    """A cluster and an engine of their own, and after it all the scan of what they left: always on.

    Args:
        directory: Where both are kept.
        toolchain: What they are run with.
        flags: Further ones of the API server.
    """
    prepare(directory, toolchain)
    with Cluster(directory, toolchain, flags) as cluster:
        machine = Machine(cluster, child_environment(directory), directory)
        yield machine
        # Nothing that this whole run left behind holds a secret byte.
        assert not (leaks := machine.leaks()), leaks


def claims(token: str) -> dict[str, Any]:
    """What a token says of itself."""
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))

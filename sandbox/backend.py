"""The platform's own backend and operator, run against a sandbox cluster by the platform conformance tests.

Both programs come from outside this repository, so callers check `available()` first and skip the test with its reason.
The backend listens on every interface and has no setting for it; the sandbox calls it on 127.0.0.1 only.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from sandbox.cluster import Cluster
from sandbox.credentials import kubeconfig
from sandbox.errors import SandboxError
from sandbox.install import PLATFORM_NAMESPACE
from sandbox.paths import cache_root, partial_file, write_private
from sandbox.processes import Service

START_SECONDS = 30.0
_PROGRAMS = ("ambient-backend", "ambient-operator")
_ACCOUNTS = {"ambient-backend": "backend-api", "ambient-operator": "agentic-operator"}
"""The ServiceAccounts of the platform's manifests, in its own namespace."""
_TOKEN_SECONDS = 86_400


@dataclass(frozen=True)
class Answer:
    """The backend's answer: the status, and the JSON body or the text."""

    status: int
    body: Any


def programs_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the platform's programs: AMBIENT_PLATFORM_DIR, else `platform` in the cache folder."""
    selected = environ.get("AMBIENT_PLATFORM_DIR")
    return Path(selected).expanduser().absolute() if selected else cache_root(environ) / "platform"


def available(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return None if the platform's programs can be started here, else the reason why not."""
    folder = programs_folder(environ)
    missing = [name for name in _PROGRAMS if _program_file(folder, name) is None]
    return f"{' and '.join(missing)} not found in {folder}" if missing else None


def required(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether missing programs are an error: only where AMBIENT_PLATFORM_DIR names their folder."""
    return bool(environ.get("AMBIENT_PLATFORM_DIR"))


def _program_file(folder: Path, name: str) -> Path | None:
    """Return the plain executable, else the archive `NAME.xz`, else None."""
    plain, packed = folder / name, folder / f"{name}.xz"
    if plain.is_file() and os.access(plain, os.X_OK):
        return plain
    return packed if packed.is_file() else None


class Backend:
    """The backend and optionally the operator, on free ports, each with the rights of its own account and no others."""

    def __init__(self, cluster: Cluster, *, operator: bool = False) -> None:
        self.cluster = cluster
        self._with_operator = operator
        self._backend = Service("ambient-backend", cluster.directory)
        self._operator = Service("ambient-operator", cluster.directory)
        self._port = 0

    @property
    def url(self) -> str:
        """The backend's address, after the start."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the backend and wait until it answers. Stop processes of an earlier, crashed test run first."""
        self.stop()
        if reason := available():
            message = f"The platform's programs cannot be started: {reason}."
            raise SandboxError(message)
        self._port = _free_port()
        state = self.cluster.directory / "backend-state"
        state.mkdir(parents=True, exist_ok=True)
        common = {
            **os.environ,
            "NAMESPACE": PLATFORM_NAMESPACE,
            "BACKEND_NAMESPACE": PLATFORM_NAMESPACE,
            # Without an address for its metrics this operator fails at every session; nothing has to listen there.
            "OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:9",
        }
        own = {"PORT": str(self._port), "STATE_BASE_DIR": str(state), "DISABLE_SSAR_CACHE": "true"}
        access = {name: {"KUBECONFIG": str(self._kubeconfig_of(account))} for name, account in _ACCOUNTS.items()}
        self._backend.start([str(_executable("ambient-backend"))], common | own | access["ambient-backend"])
        self._wait(self._backend, lambda: self.call("GET", "/health").status == 200)
        if self._with_operator:
            health = f"127.0.0.1:{_free_port()}"
            # By default the operator opens 8080 and 8081 on every interface, so a machine could run only one.
            ports = ("--metrics-bind-address=0", f"--health-probe-bind-address={health}")
            command = [str(_executable("ambient-operator")), *ports]
            self._operator.start(command, common | access["ambient-operator"])
            self._wait(self._operator, lambda: _answers(f"http://{health}/readyz"))

    def stop(self) -> None:
        """Stop both."""
        self._operator.stop(patience=5)
        # On SIGTERM it ends only its background work and keeps serving. All its data is in the API server.
        self._backend.stop(patience=0.2)

    def operator_log(self) -> list[str]:
        """Return the operator's log, including earlier starts in the cluster's directory."""
        try:
            return self._operator.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def call(self, method: str, path: str, body: object = None, *, user: str = "", token: str = "") -> Answer:
        """Send one request, as a sandbox user (name and token) or with only a bearer token, such as an API key."""
        headers = {"Content-Type": "application/json"}
        if bearer := token or (self.cluster.token_of(user) if user else ""):
            headers["Authorization"] = f"Bearer {bearer}"
        if user:
            headers["X-Forwarded-User"] = user
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - loopback
        try:
            with _open(request, timeout=30) as answer:
                return Answer(answer.status, _parsed(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _parsed(error.read()))

    def __enter__(self) -> Backend:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _kubeconfig_of(self, account: str) -> Path:
        """Write a kubeconfig with a new token of one of the platform's accounts."""
        path = f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/serviceaccounts/{account}/token"
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        body = json.dumps({**kind, "spec": {"expirationSeconds": _TOKEN_SECONDS}}).encode()
        token = self.cluster.api().request("POST", path, body)["status"]["token"]
        file = self.cluster.directory / "users" / f"{account}.kubeconfig"
        write_private(file, kubeconfig(self.cluster.url, self.cluster.ca_file, account, token))
        return file

    def _wait(self, service: Service, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if ready():
                    return
            except OSError:
                pass  # not listening yet
            if service.pid() is None or time.monotonic() > deadline:
                message = f"{service.name} does not start. The end of {service.log}:\n{service.last_lines()}"
                raise SandboxError(message)
            time.sleep(0.1)


def _executable(name: str) -> Path:
    """Return the program's path. An archive is unpacked once into the cache, each version in its own folder."""
    found = _program_file(programs_folder(), name)
    if found is None:
        message = f"{name} is no longer in {programs_folder()}."
        raise SandboxError(message)
    if found.suffix != ".xz":
        return found
    digest = hashlib.sha256(found.read_bytes()).hexdigest()[:16]
    target = cache_root() / "platform" / digest / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial_file(target) as temporary:
            with lzma.open(found) as source, temporary.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            temporary.chmod(0o755)
    return target


def _open(request: urllib.request.Request | str, timeout: float) -> Any:
    # No proxy: HTTP_PROXY must not apply to 127.0.0.1.
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


def _answers(url: str) -> bool:
    with _open(url, timeout=1) as answer:
        return bool(answer.status == 200)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

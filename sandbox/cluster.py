"""A local API server with etcd and controllers, used by `make up` and the engine tests.

It listens on one port, on 127.0.0.1. Data and port stay between stop and start, so workspaces and kubeconfigs stay
valid.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from sandbox import commands
from sandbox.api import Api
from sandbox.credentials import ADMIN, DEPLOYER, USERS, ensure_signing_key, ensure_tokens, kubeconfig, read_tokens
from sandbox.errors import NOT_RUNNING, SandboxError
from sandbox.install import fingerprint, install
from sandbox.paths import write_private
from sandbox.processes import Service
from sandbox.starting import locked, start_listening, wait_ready
from sandbox.toolchain import Toolchain

# It waits for every open watch before it ends. All its state is in the store, so nothing is lost.
_API_SERVER_PATIENCE = 1.5
_CERTIFICATE_SECONDS = 300 * 24 * 3600  # the API server issues them for a year


class Cluster:
    """One sandbox cluster in `directory`. `extra_api_server_flags` are added to the API server's command line."""

    def __init__(self, directory: Path, toolchain: Toolchain, extra_api_server_flags: Sequence[str] = ()) -> None:
        self.directory = directory.absolute()
        self.toolchain = toolchain
        self._extra = tuple(extra_api_server_flags)
        self._etcd = Service("etcd", self.directory)
        self._api_server = Service("kube-apiserver", self.directory)
        self._controllers = Service("kube-controller-manager", self.directory)

    @property
    def services(self) -> tuple[Service, ...]:
        """The three programs, in start order."""
        return self._etcd, self._api_server, self._controllers

    @property
    def kubeconfig(self) -> Path:
        """The deployer's kubeconfig, for every stack. It has exactly the rights of `ambient rbac`."""
        return self.directory / "kubeconfig"

    @property
    def admin_kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for tests that inspect objects and for the controllers."""
        return self.kubeconfig_of(ADMIN.name)

    def kubeconfig_of(self, user: str) -> Path:
        """Return the kubeconfig of one of the users in `sandbox.credentials.USERS`."""
        return self.kubeconfig if user == DEPLOYER.name else self.directory / "users" / f"{user}.kubeconfig"

    def token_of(self, user: str) -> str:
        """Return the bearer token of one of these users."""
        return read_tokens(self._tokens)[user]

    @property
    def url(self) -> str:
        """The API server's address."""
        port = self._remembered_port()
        if port is None:
            message = "The sandbox was never started: run `make sandbox-start`."
            raise SandboxError(message, NOT_RUNNING)
        return f"https://127.0.0.1:{port}"

    @property
    def ca_file(self) -> Path:
        """The API server's self-made certificate with its issuer, for verification."""
        return self.directory / "certificates" / "apiserver.crt"

    @property
    def uid(self) -> str:
        """The uid of kube-system, which identifies the cluster at any address."""
        return str(self.api().request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])

    @property
    def running(self) -> bool:
        """Whether all three programs run and the API server is ready."""
        return all(service.pid() for service in self.services) and self._ready()

    def start(self) -> None:
        """Start what does not run. Return when the API server is ready and has the platform's resources."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        with self._locked():
            ensure_signing_key(self._signing_key)
            before = self._tokens.read_text(encoding="utf-8") if self._tokens.exists() else None
            tokens = ensure_tokens(self._tokens)
            if before is not None and before != self._tokens.read_text(encoding="utf-8"):
                self._api_server.stop(_API_SERVER_PATIENCE)  # it reads the file only once
            # Each start returns at once if the program runs, so a second start costs a few requests.
            self._start_etcd()
            self._start_api_server()
            self._write_kubeconfigs(tokens)
            # The garbage collector notices a resource type that is missing at its start only after half a minute.
            self._install()
            self._start_controllers()

    def stop(self) -> None:
        """Stop all three programs, the store last. Data, port and tokens stay. No effect if nothing runs."""
        if not self.directory.exists():
            return
        with self._locked():
            self._controllers.stop()
            self._api_server.stop(_API_SERVER_PATIENCE)
            self._etcd.stop()

    def restart_api_server(self, extra_api_server_flags: Sequence[str] | None = None) -> None:
        """Restart the API server on the same data and port, with other extra flags if given."""
        if extra_api_server_flags is not None:
            self._extra = tuple(extra_api_server_flags)
        with self._locked():
            self._api_server.stop(_API_SERVER_PATIENCE)
            self._start_api_server()
            self._write_kubeconfigs(read_tokens(self._tokens))
            # The controller manager exits by itself if it loses the API server for long, or if the port changes.
            self._start_controllers()

    def __enter__(self) -> Cluster:
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

    @property
    def _tokens(self) -> Path:
        return self.directory / "tokens.csv"

    @property
    def _signing_key(self) -> Path:
        return self.directory / "service-accounts.key"

    def api(self, user: str = ADMIN.name) -> Api:
        """Return the API server as seen by a user, by default the administrator."""
        return Api(self.url, self.ca_file, self.token_of(user))

    def controller_manager(self, controllers: Sequence[str] = commands.CONTROLLERS) -> list[str]:
        """Return the command of some of Kubernetes' controllers, by default of those that run without nodes."""
        program = _needed(self.toolchain.kube_controller_manager)
        return commands.controller_manager(program, self.admin_kubeconfig, self._signing_key, self.ca_file, controllers)

    def _ready(self) -> bool:
        return self._remembered_port() is not None and self.ca_file.exists() and self.api().ready()

    def _start_etcd(self) -> None:
        if self._etcd.pid() is not None:
            return
        self._etcd.start(commands.etcd(_needed(self.toolchain.etcd)))
        # The API server waits for etcd by itself.
        wait_ready(self._etcd, (self.directory / commands.ETCD_SOCKET).exists)

    def _start_api_server(self) -> None:
        self._drop_old_certificate()
        port = self._remembered_port()
        pid = self._api_server.pid()
        if pid is not None and port is not None and self._api_server.command() == self._api_server_command(port):
            # Usually ready at once, unless its store was unavailable for a moment.
            wait_ready(self._api_server, self._ready)
            return
        if pid is not None:
            self._api_server.stop(_API_SERVER_PATIENCE)

        def start(port: int) -> None:
            write_private(self.directory / "cluster.json", json.dumps({"port": port}))
            self._api_server.start(self._api_server_command(port))

        start_listening(self._api_server, port, start, self._ready, self._etcd)

    def _api_server_command(self, port: int) -> list[str]:
        program = _needed(self.toolchain.kube_apiserver)
        return [*commands.api_server(program, port, self._tokens, self._signing_key), *self._extra]

    def _start_controllers(self) -> None:
        command = self.controller_manager()
        if self._controllers.pid() is not None and self._controllers.command() == [*command, self.url]:
            return
        self._controllers.stop()
        self._controllers.start(command, note=self.url)
        wait_ready(self._controllers, self._has_default_account)

    def _has_default_account(self) -> bool:
        with suppress(OSError, SandboxError):
            self.api().request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
            return True
        return False

    def _install(self) -> None:
        mark = self.directory / "installed"
        desired = fingerprint()
        if not mark.exists() or mark.read_text(encoding="utf-8") != desired:
            install(self.api())
            write_private(mark, desired)

    def _write_kubeconfigs(self, tokens: dict[str, str]) -> None:
        (self.directory / "users").mkdir(exist_ok=True)
        for user in USERS:
            path = self.kubeconfig_of(user.name)
            text = kubeconfig(self.url, self.ca_file, user.name, tokens[user.name])
            # Left alone if unchanged, so that a client that watches the file need not reload.
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                write_private(path, text)

    def _drop_old_certificate(self) -> None:
        """Delete the certificate before the year ends, and restart a running API server, which has the old one."""
        if self.ca_file.exists() and time.time() - self.ca_file.stat().st_mtime > _CERTIFICATE_SECONDS:
            self._api_server.stop(_API_SERVER_PATIENCE)
            shutil.rmtree(self.ca_file.parent)

    def _remembered_port(self) -> int | None:
        try:
            return int(json.loads((self.directory / "cluster.json").read_text(encoding="utf-8"))["port"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.directory / "lock")


def _needed(program: Path | None) -> Path:
    if program is None:
        message = "The recorded toolchain has no cluster, as another one was chosen: run `make sandbox-start`."
        raise SandboxError(message)
    return program

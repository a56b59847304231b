"""An object store on this machine: S3, and AWS's IAM API whose users, keys and policies it enforces.

Two servers of versitygw, each on a port of 127.0.0.1. Buckets, users, root credentials and ports stay between stop and
start, so what a stack knows of the store stays true.
"""

from __future__ import annotations

import configparser
import errno
import io
import json
import os
import secrets
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from sandbox import commands
from sandbox.errors import NOT_RUNNING, SandboxError
from sandbox.paths import write_private
from sandbox.processes import Service
from sandbox.signed import answers
from sandbox.starting import locked, start_listening, wait_ready
from sandbox.toolchain import Toolchain

ROOT_PREFIX = "SANDBOX"
"""How the root's access key begins: by it the config of a stack is known to mean a sandbox's store."""


class Store:
    """One store, kept in the folder `store` of `directory`, which may be a cluster's too."""

    def __init__(self, directory: Path, toolchain: Toolchain) -> None:
        self.directory = directory.absolute()
        self.toolchain = toolchain
        self._iam = Service("versitygw-iam", self.directory)
        self._gateway = Service("versitygw-s3", self.directory)

    @property
    def services(self) -> tuple[Service, ...]:
        """The two servers, in the order of their start."""
        return self._iam, self._gateway

    @property
    def exists(self) -> bool:
        """Whether it was ever started here: else nothing can be in it."""
        return self._folder.is_dir()

    @property
    def endpoint(self) -> str:
        """The address of S3."""
        return self._address("s3")

    @property
    def iam_endpoint(self) -> str:
        """The address of IAM."""
        return self._address("iam")

    @property
    def credentials_file(self) -> Path:
        """The root's credentials, in the form of AWS's tools: for their variable AWS_SHARED_CREDENTIALS_FILE."""
        return self._folder / "credentials"

    @property
    def access_key(self) -> str:
        """The root's access key id: who it is, and no secret."""
        return self._credentials()["aws_access_key_id"]

    @property
    def secret_key(self) -> str:
        """The root's secret access key."""
        return self._credentials()["aws_secret_access_key"]

    @property
    def running(self) -> bool:
        """Whether both servers run and answer the root."""
        return all(service.pid() for service in self.services) and self._answers("iam") and self._answers("s3")

    def start(self) -> None:
        """Start what does not run, and return when both answer."""
        program = self._program()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        for name in commands.STORE_FOLDERS:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        with self._locked():
            self._ensure_credentials()
            self._start(self._iam, "iam", lambda port: commands.store_iam(program, port))
            attributes = None if _keeps_attributes(self._folder) else self._folder / "attributes"
            self._start(self._gateway, "s3", lambda port: commands.store_gateway(program, port, attributes))

    def stop(self) -> None:
        """End both; buckets, users, credentials and ports stay. Nothing happens if nothing runs."""
        if not self.exists:
            return
        with self._locked():
            self._gateway.stop()
            self._iam.stop()

    def __enter__(self) -> Store:
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
    def _folder(self) -> Path:
        return self.directory / commands.STORE

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self._folder / "lock")

    def _program(self) -> Path:
        if self.toolchain.versitygw is None:
            message = "The recorded toolchain has no object store: run `make sandbox-start`."
            raise SandboxError(message)
        return self.toolchain.versitygw

    def _start(self, service: Service, api: str, command: Callable[[int], list[str]]) -> None:
        port = self._ports().get(api)
        note = self.access_key
        if service.pid() is not None and port is not None and service.command() == [*command(port), note]:
            try:
                wait_ready(service, lambda: self._answers(api))
            except SandboxError:
                # One that was killed a moment ago may have been seen still.
                if service.pid() is not None:
                    raise
            else:
                return
        service.stop()
        if service is self._iam:
            # A killed one leaves it behind: once it is there again, the gateway can start.
            (self.directory / commands.IAM_SOCKET).unlink(missing_ok=True)
        # By variables, which only their owner sees; arguments of programs are visible to every user of the machine.
        # And no others: the program takes much from its environment, under names as plain as LOGFILE.
        environ = {"ROOT_ACCESS_KEY_ID": self.access_key, "ROOT_SECRET_ACCESS_KEY": self.secret_key}

        def start(port: int) -> None:
            write_private(self._folder / "ports.json", json.dumps({**self._ports(), api: port}))
            service.start(command(port), environ, note)

        start_listening(service, port, start, lambda: self._answers(api))

    def _answers(self, api: str) -> bool:
        if api not in self._ports() or not self.credentials_file.exists():
            return False
        if api == "iam" and not (self.directory / commands.IAM_SOCKET).exists():
            return False  # the gateway's door to it
        return answers(api, self._address(api), self.access_key, self.secret_key)

    def _address(self, api: str) -> str:
        port = self._ports().get(api)
        if port is None:
            message = "The object store was never started: run `make sandbox-start`."
            raise SandboxError(message, NOT_RUNNING)
        return f"http://127.0.0.1:{port}"

    def _ports(self) -> dict[str, int]:
        try:
            found = json.loads((self._folder / "ports.json").read_text(encoding="utf-8"))
            return {str(api): int(port) for api, port in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def _credentials(self) -> configparser.SectionProxy:
        parser = configparser.RawConfigParser()
        parser.read(self.credentials_file, encoding="utf-8")
        if "default" not in parser:
            message = "The object store was never started: run `make sandbox-start`."
            raise SandboxError(message, NOT_RUNNING)
        return parser["default"]

    def _ensure_credentials(self) -> None:
        """Once: with another root, nothing that was configured before could reach its buckets."""
        if self.credentials_file.exists():
            return
        parser = configparser.RawConfigParser()
        parser["default"] = {
            "aws_access_key_id": f"{ROOT_PREFIX}{secrets.token_hex(8).upper()}",
            "aws_secret_access_key": secrets.token_hex(20),
        }
        text = io.StringIO()
        parser.write(text)
        write_private(self.credentials_file, text.getvalue())


def _keeps_attributes(folder: Path) -> bool:
    """Whether the file system there keeps extended attributes, asked as the gateway asks: without them it would end."""
    if sys.platform != "linux":
        return True
    try:
        os.getxattr(folder, "user.test")
    except OSError as error:
        return error.errno != errno.ENOTSUP
    return True

"""A local object store: S3, and AWS's IAM API with users, keys and policies that it enforces.

It consists of two versitygw servers, each on a port of 127.0.0.1. Buckets, users, root credentials and ports stay
between stop and start, so a stack's data about the store stays valid.
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
"""The prefix of the root access key, which identifies a sandbox's store in a stack's config."""


class Store:
    """One store, in the folder `store` of `directory`, which may also be a cluster's."""

    def __init__(self, directory: Path, toolchain: Toolchain) -> None:
        self.directory = directory.absolute()
        self.toolchain = toolchain
        self._iam = Service("versitygw-iam", self.directory)
        self._gateway = Service("versitygw-s3", self.directory)

    @property
    def services(self) -> tuple[Service, ...]:
        """The two servers, in start order."""
        return self._iam, self._gateway

    @property
    def exists(self) -> bool:
        """Whether the store was ever started here. If not, it is empty."""
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
    def ports(self) -> tuple[int, int]:
        """The ports of S3 and IAM on 127.0.0.1."""
        s3, iam = (int(address.rpartition(":")[2]) for address in (self.endpoint, self.iam_endpoint))
        return s3, iam

    @property
    def credentials_file(self) -> Path:
        """The root credentials in the format of AWS_SHARED_CREDENTIALS_FILE."""
        return self._folder / "credentials"

    @property
    def access_key(self) -> str:
        """The root access key id, which is not a secret."""
        return self._credentials()["aws_access_key_id"]

    @property
    def secret_key(self) -> str:
        """The root secret access key."""
        return self._credentials()["aws_secret_access_key"]

    @property
    def running(self) -> bool:
        """Whether both servers run and accept the root credentials."""
        return all(service.pid() for service in self.services) and self._answers("iam") and self._answers("s3")

    def start(self) -> None:
        """Start what does not run. Return when both answer."""
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
        """Stop both. Buckets, users, credentials and ports stay. No effect if nothing runs."""
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
                # A server that was just killed may still have been seen as running.
                if service.pid() is not None:
                    raise
            else:
                return
        service.stop()
        if service is self._iam:
            # A killed server leaves the socket behind. A new socket shows that the gateway can start.
            (self.directory / commands.IAM_SOCKET).unlink(missing_ok=True)
        # As variables, which only their owner can see. Arguments of programs are visible to every user of the machine.
        # No other variables: the program reads many, with names as common as LOGFILE.
        environ = {"ROOT_ACCESS_KEY_ID": self.access_key, "ROOT_SECRET_ACCESS_KEY": self.secret_key}

        def start(port: int) -> None:
            write_private(self._folder / "ports.json", json.dumps({**self._ports(), api: port}))
            service.start(command(port), environ, note)

        start_listening(service, port, start, lambda: self._answers(api))

    def _answers(self, api: str) -> bool:
        if api not in self._ports() or not self.credentials_file.exists():
            return False
        if api == "iam" and not (self.directory / commands.IAM_SOCKET).exists():
            return False  # the IAM server's socket
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
        """Create the root credentials once. With others, earlier configs could no longer access their buckets."""
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
    """Tell whether the file system has extended attributes, with the gateway's own test. Without them it would exit."""
    if sys.platform != "linux":
        return True
    try:
        os.getxattr(folder, "user.test")
    except OSError as error:
        return error.errno != errno.ENOTSUP
    return True

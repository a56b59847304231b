"""The sandbox's object store without one: what is started with which words, what is kept, what is said."""

import errno
import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from sandbox import __main__ as command_line
from sandbox import store as module
from sandbox.commands import store_gateway
from sandbox.environment import prepare
from sandbox.errors import NOT_RUNNING, SandboxError
from sandbox.machine import look_around
from sandbox.signed import answers
from sandbox.store import ROOT_PREFIX, Store
from sandbox.toolchain import Toolchain

# It notes its environment, at once and whole, is there as the real one is, and waits to be ended.
PROGRAM = """#!/bin/sh
case "$*" in *posix*) name=s3;; *) name=iam; touch store/iam.sock;; esac
/usr/bin/env > "store/.$name" && mv "store/.$name" "store/environment-$name"
exec /bin/sleep 60
"""


@pytest.fixture
def toolchain(tmp_path: Path) -> Toolchain:
    program = tmp_path / "versitygw"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return Toolchain(program, program, program, program, program, program, None, program)


@pytest.fixture
def store(toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Its servers answer as soon as their program has begun."""

    def begun(service: str, url: str, access_key: str, secret_key: str) -> bool:
        noted = tmp_path / "box" / "store" / f"environment-{service}"
        return noted.exists() and f"ROOT_SECRET_ACCESS_KEY={secret_key}" in noted.read_text()

    monkeypatch.setattr(module, "answers", begun)
    store = Store(tmp_path / "box", toolchain)
    yield store
    store.stop()


class TestOfTheMachine:
    @pytest.mark.parametrize(
        ("received", "refusal"),
        [
            ("Version  : v1.8.0", None),
            ("Version  : v2.0.1", None),
            ("Version  : v1.7.9", "is v1.7.9, older than 1.8: not used"),
            ("Version  : git", "does not tell whether it is 1.8 or newer: not used"),
            ("", "does not tell whether it is 1.8 or newer: not used"),
        ],
    )
    def test_only_one_with_iam_is_used(
        self, tmp_path: Path, received: str, refusal: str | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        program = tmp_path / "versitygw"
        program.write_text(f"#!/bin/sh\necho '{received}'\necho 'Build    : norev'\n")
        program.chmod(0o755)
        found = look_around({"PATH": str(tmp_path), "PULUMI_HOME": str(tmp_path / "home")})
        assert found.versitygw == (None if refusal else program)
        assert capsys.readouterr().err == (f"{program} {refusal}\n" if refusal else "")


class TestServers:
    def test_the_root_comes_by_the_environment_alone(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        # Variables that the program would obey.
        monkeypatch.setenv("LOGFILE", "/dev/full")
        monkeypatch.setenv("VGW_REGION", "elsewhere")
        store.start()
        for service, name in zip(store.services, ("iam", "s3"), strict=True):
            noted = (store.directory / "store" / f"environment-{name}").read_text()
            assert f"ROOT_ACCESS_KEY_ID={store.access_key}\n" in noted
            assert "LOGFILE" not in noted
            assert "VGW_" not in noted
            assert store.secret_key not in json.dumps(service.command())
            assert service.command()[1].startswith("--port=127.0.0.1:")

    def test_all_is_kept_between_stop_and_start(self, store: Store) -> None:
        store.start()
        before = (store.endpoint, store.iam_endpoint, store.access_key, store.secret_key)
        assert store.endpoint != store.iam_endpoint
        store.stop()
        assert not store.running
        store.start()
        assert store.running
        assert (store.endpoint, store.iam_endpoint, store.access_key, store.secret_key) == before

    def test_only_what_is_missing_is_started(self, store: Store) -> None:
        store.start()
        iam, gateway = (service.pid() for service in store.services)
        store.services[1].stop()
        store.start()
        assert store.services[0].pid() == iam
        assert store.services[1].pid() not in (None, gateway)

    def test_another_root_is_a_restart(self, store: Store) -> None:
        store.start()
        before = [service.pid() for service in store.services]
        store.credentials_file.unlink()
        store.start()
        assert not set(before) & {service.pid() for service in store.services}

    def test_credentials_are_private_and_an_aws_file(self, store: Store) -> None:
        store.start()
        assert stat.S_IMODE(store.credentials_file.stat().st_mode) == 0o600
        assert store.credentials_file.read_text().startswith(f"[default]\naws_access_key_id = {ROOT_PREFIX}")
        assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700

    def test_what_ends_at_once_is_told_with_its_words(self, store: Store, toolchain: Toolchain) -> None:
        assert toolchain.versitygw is not None
        toolchain.versitygw.write_text("#!/bin/sh\necho no disk left; exit 1\n")
        with pytest.raises(SandboxError, match=r"versitygw-iam ended at once(.|\n)*no disk left"):
            store.start()

    @pytest.mark.parametrize("attributes", [True, False])
    def test_files_about_files_only_where_nothing_else_is_possible(self, attributes: bool) -> None:
        words = store_gateway(Path("/v"), 1, None if attributes else Path("/a"))
        assert ("--sidecar=/a" in words) is not attributes
        assert words[-1] == "store/data"

    @pytest.mark.parametrize(
        ("platform", "refusal", "kept"),
        [
            ("linux", errno.ENODATA, True),
            ("linux", errno.ENOTSUP, False),
            ("darwin", errno.ENOTSUP, True),  # its Python has no such function, and its file systems all keep them
        ],
    )
    def test_what_a_file_system_keeps(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, refusal: int, kept: bool
    ) -> None:
        def refuse(path: Path, name: str) -> bytes:
            raise OSError(refusal, os.strerror(refusal))

        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setattr(os, "getxattr", refuse, raising=False)
        assert module._keeps_attributes(tmp_path) is kept


class TestNeverStarted:
    def test_has_no_address_and_nothing_to_stop(self, toolchain: Toolchain, tmp_path: Path) -> None:
        store = Store(tmp_path / "box", toolchain)
        assert not store.exists
        assert not store.running
        store.stop()
        for what in ("endpoint", "iam_endpoint", "access_key", "secret_key"):
            with pytest.raises(SandboxError, match="make sandbox-start") as refused:
                getattr(store, what)
            assert refused.value.exit_code == NOT_RUNNING
        assert not (tmp_path / "box").exists()

    def test_an_older_sandbox_has_none(
        self, toolchain: Toolchain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        box = tmp_path / "box"
        prepare(box, replace(toolchain, versitygw=None))
        record = json.loads((box / "toolchain.json").read_text())
        del record["versitygw"]
        (box / "toolchain.json").write_text(json.dumps(record))
        with pytest.raises(SandboxError, match="run `make sandbox-start`"):
            Store(box, Toolchain.from_json(record)).start()
        assert command_line.main(["status", "--directory", str(box)]) == NOT_RUNNING
        assert "Not running: make sandbox-start" in capsys.readouterr().out
        assert command_line.main(["stop", "--directory", str(box)]) == 0

    def test_status_lists_its_servers(
        self, toolchain: Toolchain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        prepare(tmp_path / "box", toolchain)
        assert command_line.main(["status", "--format", "json", "--directory", str(tmp_path / "box")]) == NOT_RUNNING
        answer = json.loads(capsys.readouterr().out)
        assert [row["name"] for row in answer["services"]][-2:] == ["versitygw-iam", "versitygw-s3"]
        assert (answer["running"], answer["store"]) == (False, None)


class TestSigned:
    @pytest.fixture
    def server(self) -> Iterator[HTTPServer]:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                scope = "/us-east-1/s3/" if self.command == "GET" else "/us-east-1/iam/"
                known = self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=KEY/")
                self.send_response(200 if known and scope in self.headers["Authorization"] else 403)
                self.end_headers()

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        server.server_close()

    @pytest.mark.parametrize("service", ["s3", "iam"])
    def test_answers(self, server: HTTPServer, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        url = f"http://127.0.0.1:{server.server_port}"
        assert answers(service, url, "KEY", "secret")
        assert not answers(service, url, "OTHER", "secret")

    def test_nobody_there(self) -> None:
        assert not answers("s3", "http://127.0.0.1:1", "KEY", "secret")

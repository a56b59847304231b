"""Downloads of one file from a local server, with the faults of real networks."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import download as module
from sandbox.download import Checksum, UnavailableError, download
from sandbox.errors import SandboxError
from tests.support.mirror import Mirror, mirror

DATA = os.urandom(1_000_000)
SUM = Checksum("sha256", hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with mirror() as running:
        running.files["/file"] = DATA
        yield running


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestWhole:
    @pytest.mark.parametrize("checksum", [SUM, Checksum("sha512", hashlib.sha512(DATA).hexdigest())])
    def test_is_verified(self, server: Mirror, tmp_path: Path, checksum: Checksum) -> None:
        download(f"{server.url}/file", tmp_path / "file", checksum, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA
        assert server.requests == [("/file", None)]

    def test_another_file_is_deleted_and_both_sums_are_shown(self, server: Mirror, tmp_path: Path) -> None:
        server.files["/file"] = b"another"
        with pytest.raises(SandboxError) as problem:
            download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert SUM.value in str(problem.value)
        assert hashlib.sha256(b"another").hexdigest() in str(problem.value)
        assert "\nhint: " in str(problem.value)
        assert not (tmp_path / "file").exists()

    def test_from_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "mirror").write_bytes(DATA)
        download((tmp_path / "mirror").as_uri(), tmp_path / "file", SUM, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA
        with pytest.raises(UnavailableError) as problem:
            download((tmp_path / "none").as_uri(), tmp_path / "other", SUM, lambda _: None)
        assert problem.value.reached


class TestInterrupted:
    def test_goes_on_where_it_stopped(self, server: Mirror, tmp_path: Path) -> None:
        server.cuts = [300_000, 200_000]
        said: list[str] = []
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None, said.append)
        assert said == [
            f"interrupted (the connection ended after {size} of 1000000 bytes), continuing" for size in (300000, 500000)
        ]
        assert server.requests == [("/file", None), ("/file", "bytes=300000-"), ("/file", "bytes=500000-")]
        assert (tmp_path / "file").read_bytes() == DATA

    @pytest.mark.parametrize("size", [10, 2_000_000])
    def test_the_start_of_another_file_is_not_kept(self, server: Mirror, tmp_path: Path, size: int) -> None:
        (tmp_path / "file").write_bytes(b"x" * size)
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA


class TestProxy:
    def test_that_does_not_answer_is_named(
        self, server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = closed_port()
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
        expected = f"^publisher.invalid through the proxy 127.0.0.1:{port} cannot be reached: Connection refused$"
        with pytest.raises(UnavailableError, match=expected):
            download("https://publisher.invalid/file", tmp_path / "file", SUM, lambda _: None)

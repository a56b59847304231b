"""The programs that come from the publishers' release archives, served by a local mirror."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import releases
from sandbox.errors import SandboxError
from sandbox.machine import FIELDS, Installed
from sandbox.parts import KUBERNETES_VERSION, MINIMUM_PULUMI, PLUGIN_VERSION, VERSITYGW_VERSION
from sandbox.progress import Progress
from sandbox.releases import add_downloaded, add_downloads, address
from tests.support.mirror import Mirror, mirror

PINNED = Path(releases.__file__).with_name("releases.toml")
MACHINE = "linux-amd64"
HOST = "publisher.invalid"
SCRIPT = b"#!/bin/sh\necho Version: v1.8.0\n"


def archive(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


FILES = {
    "cli.tar.gz": archive({f"pulumi/pulumi{end}": SCRIPT for end in ("", "-language-python", "-language-python-exec")}),
    "plugin.tar.gz": archive({"README.md": b"read", "pulumi-resource-kubernetes": SCRIPT}),
    "etcd.tar.gz": archive({"etcd-v3/etcd": SCRIPT, "etcd-v3/etcdctl": SCRIPT}),
    "kube-apiserver": b"#!/bin/sh\n# the API server\n",
    "kube-controller-manager": SCRIPT,
    "store.tar.gz": archive({"versitygw_v1/versitygw": SCRIPT}),
}
PROGRAMS = {
    "cli.tar.gz": ["pulumi", "pulumi-language-python", "pulumi-language-python-exec"],
    "plugin.tar.gz": ["pulumi-resource-kubernetes"],
    "etcd.tar.gz": ["etcd"],
    "kube-apiserver": ["kube-apiserver"],
    "kube-controller-manager": ["kube-controller-manager"],
    "store.tar.gz": ["versitygw"],
}


class Publisher:
    """Files that are pinned and served, in a cache of their own."""

    def __init__(self, server: Mirror, pins: Path) -> None:
        self.server = server
        self._pins = pins

    def publish(self, files: dict[str, bytes]) -> None:
        text = ""
        for name, data in files.items():
            text += f"[[release]]\ntitle = '{name}'\nversion = '1.0'\nprograms = {json.dumps(PROGRAMS[name])}\n"
            text += f"[release.files.{MACHINE}]\nurl = 'https://{HOST}/{name}'\n"
            text += f"sha256 = '{hashlib.sha256(data).hexdigest()}'\n"
            self.server.files[f"/{HOST}/{name}"] = data
        self._pins.write_text(text, encoding="utf-8")


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setattr(releases, "RELEASES_FILE", tmp_path / "releases.toml")
    monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("sandbox.download.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("sandbox.toolchain._this_machine", lambda: MACHINE)
    with mirror() as server:
        monkeypatch.setenv("AMBIENT_MIRROR", server.url)
        yield Publisher(server, tmp_path / "releases.toml")


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def fetch(publisher: Publisher, shown: io.StringIO) -> Callable[..., Installed]:
    def run(*missing: str) -> Installed:
        console = Console(file=shown, width=200)
        return add_downloads(Installed(), missing or list(FIELDS), MACHINE, Progress(console))

    return run


class TestPins:
    """The real data file."""

    @pytest.fixture(autouse=True)
    def _real(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(releases, "RELEASES_FILE", PINNED)

    def test_versions_are_those_that_are_built(self) -> None:
        versions = {program: r.version for r in releases.pinned(MACHINE) for program in r.programs}
        assert versions["pulumi-resource-kubernetes"] == PLUGIN_VERSION
        assert f"v{versions['versitygw']}" == VERSITYGW_VERSION
        assert f"v{versions['kube-apiserver']}" == f"v{versions['kube-controller-manager']}" == KUBERNETES_VERSION
        assert tuple(map(int, versions["pulumi"].split(".")[:2])) >= MINIMUM_PULUMI

    def test_each_is_complete(self) -> None:
        lengths = {"sha256": 64, "sha512": 128}
        for machine in ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"):
            for release in releases.pinned(machine):
                assert re.fullmatch(rf"[0-9a-f]{{{lengths[release.checksum.algorithm]}}}", release.checksum.value)
                assert release.url.startswith("https://")
                assert release.version in release.url
        entries = tomllib.loads(PINNED.read_text(encoding="utf-8"))["release"]
        sources = [entry[key] for entry in entries for key in ("origin", "second_origin") if key in entry]
        assert len(sources) > len(entries) == len([entry for entry in entries if "origin" in entry])
        assert all(re.search(r"/blob/[0-9a-f]{40}/", source) for source in sources)


class TestDownloads:
    def test_names_in_an_archive_are_not_paths(
        self, publisher: Publisher, fetch: Callable[..., Installed], tmp_path: Path
    ) -> None:
        hostile = archive(
            {"../../../etcd": SCRIPT, "/outside": b"x", "../outside": b"x"},
            {"first/etcd": str(tmp_path / "secret"), "etcdctl": "/"},
        )
        publisher.publish({"etcd.tar.gz": hostile})
        found = fetch().etcd
        assert found is not None
        assert not found.is_symlink()
        assert found.read_bytes() == SCRIPT
        assert not list(tmp_path.rglob("outside"))

    def test_a_wrong_checksum_stops(self, publisher: Publisher, fetch: Callable[..., Installed]) -> None:
        publisher.publish(FILES)
        publisher.server.files[f"/{HOST}/etcd.tar.gz"] = b"another"
        with pytest.raises(SandboxError, match=r"etcd\.tar\.gz is not the expected file, and was deleted"):
            fetch()
        assert add_downloaded(Installed(), FIELDS, MACHINE).etcd is None


class TestMirror:
    @pytest.mark.parametrize("mirror", ["https://me:secret@m/", "https://me:secret/2@m/", "https://me:secret@[m/"])
    def test_refuses_a_password(self, mirror: str) -> None:
        with pytest.raises(SandboxError, match=r"must not contain a user|is neither a valid URL") as problem:
            address("https://dl.k8s.io/x", {"AMBIENT_MIRROR": mirror})
        assert "secret" not in str(problem.value)

"""The programs that come from the publishers' release archives, from a mirror in a folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import releases
from sandbox.errors import SandboxError
from sandbox.machine import FIELDS, Installed
from sandbox.parts import KUBERNETES_VERSION, MINIMUM_PULUMI, PLUGIN_VERSION, VERSITYGW_VERSION
from sandbox.progress import Progress
from sandbox.releases import add_downloaded, add_downloads, address

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


@pytest.fixture
def etcd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive with etcd in the mirror: some names in it are paths, and links lead out of it."""
    monkeypatch.setattr(releases, "RELEASES_FILE", tmp_path / "releases.toml")
    monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    for name in ("KUBEBUILDER_ASSETS", "AMBIENT_OFFLINE", "AMBIENT_BUILD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sandbox.toolchain._this_machine", lambda: MACHINE)
    monkeypatch.setenv("AMBIENT_MIRROR", str(tmp_path / "mirror"))
    data = archive(
        {"../../../etcd": SCRIPT, "/outside": b"x", "../outside": b"x"},
        {"first/etcd": str(tmp_path / "secret"), "etcdctl": "/"},
    )
    file = tmp_path / "mirror" / HOST / "etcd.tar.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    (tmp_path / "releases.toml").write_text(
        "[[release]]\ntitle = 'etcd'\nversion = '1.0'\nprograms = ['etcd']\n"
        f"[release.files.{MACHINE}]\nurl = 'https://{HOST}/etcd.tar.gz'\n"
        f"sha256 = '{hashlib.sha256(data).hexdigest()}'\n"
    )
    return file


def fetch() -> Installed:
    return add_downloads(Installed(), list(FIELDS), MACHINE, Progress(Console(file=io.StringIO())))


class TestPins:
    """The real data file."""

    def test_versions_are_those_that_are_built(self) -> None:
        versions = {program: r.version for r in releases.pinned(MACHINE) for program in r.programs}
        assert versions["pulumi-resource-kubernetes"] == PLUGIN_VERSION
        assert f"v{versions['versitygw']}" == VERSITYGW_VERSION
        assert f"v{versions['kube-apiserver']}" == f"v{versions['kube-controller-manager']}" == KUBERNETES_VERSION
        assert tuple(map(int, versions["pulumi"].split(".")[:2])) >= MINIMUM_PULUMI


class TestDownloads:
    @pytest.mark.usefixtures("etcd")
    def test_names_in_an_archive_are_not_paths(self, tmp_path: Path) -> None:
        program = fetch().etcd
        assert program is not None
        assert not program.is_symlink()
        assert program.read_bytes() == SCRIPT
        assert not list(tmp_path.rglob("outside"))

    def test_a_wrong_checksum_stops(self, etcd: Path) -> None:
        etcd.write_bytes(b"another")
        with pytest.raises(SandboxError, match=r"etcd\.tar\.gz is not the expected file, and was deleted"):
            fetch()
        assert add_downloaded(Installed(), FIELDS, MACHINE).etcd is None


class TestMirror:
    @pytest.mark.parametrize("mirror", ["https://me:secret@m/", "https://me:secret/2@m/", "https://me:secret@[m/"])
    def test_refuses_a_password(self, mirror: str) -> None:
        with pytest.raises(SandboxError, match=r"must not contain a user|is neither a valid URL") as problem:
            address("https://dl.k8s.io/x", {"AMBIENT_MIRROR": mirror})
        assert "secret" not in str(problem.value)

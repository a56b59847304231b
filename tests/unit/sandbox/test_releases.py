"""The programs that come from the publishers' release archives, served by a local mirror."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import __main__ as command_line
from sandbox import releases
from sandbox.download import UnavailableError
from sandbox.errors import SandboxError
from sandbox.machine import FIELDS, Installed
from sandbox.parts import KITS, KUBERNETES_VERSION, LANGUAGE_EXEC, MINIMUM_PULUMI, PLUGIN_VERSION, VERSITYGW_VERSION
from sandbox.progress import Progress
from sandbox.releases import add_downloaded, add_downloads, address
from sandbox.toolchain import find_or_build
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

    @property
    def requested(self) -> list[str]:
        return [path.rpartition("/")[2] for path, _ in self.server.requests]


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

    @pytest.mark.parametrize("machine", ["linux-amd64", "linux-arm64"])
    def test_linux_needs_no_compiler(self, machine: str) -> None:
        programs = [program for release in releases.pinned(machine) for program in release.programs]
        assert len(programs) == len(set(programs))
        assert set(programs) >= {part.name for kit in KITS for part in kit.parts} | {"pulumi-language-python"}

    @pytest.mark.parametrize("machine", ["darwin-amd64", "darwin-arm64"])
    def test_macos_builds_the_controller_manager(self, machine: str) -> None:
        programs = {program for release in releases.pinned(machine) for program in release.programs}
        assert {part.name for kit in KITS for part in kit.parts} - programs == {"kube-controller-manager"}

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
    def test_only_the_programs_are_unpacked(self, publisher: Publisher, fetch: Callable[..., Installed]) -> None:
        publisher.publish(FILES)
        found = fetch()
        assert found.etcd is not None
        assert [path.name for path in found.etcd.parent.iterdir()] == ["etcd"]
        assert os.access(found.etcd, os.X_OK)
        assert found.kube_apiserver is not None
        assert found.kube_apiserver.read_bytes() == FILES["kube-apiserver"]
        assert found.pulumi is not None
        assert found.language_host == found.pulumi.with_name("pulumi-language-python")
        leftovers = {path.name for path in found.etcd.parent.parent.iterdir() if not path.is_dir()}
        assert leftovers == {"lock"}

    def test_only_what_is_missing_and_once(self, publisher: Publisher, fetch: Callable[..., Installed]) -> None:
        publisher.publish(FILES)
        assert fetch("etcd") == fetch("etcd") == add_downloaded(Installed(), FIELDS, MACHINE)
        assert publisher.requested == ["etcd.tar.gz"]

    def test_an_installed_program_comes_first(
        self, publisher: Publisher, fetch: Callable[..., Installed], tmp_path: Path
    ) -> None:
        publisher.publish(FILES)
        fetch("etcd")
        assert add_downloaded(Installed(etcd=tmp_path), FIELDS, MACHINE).etcd == tmp_path

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

    def test_an_archive_without_the_program(self, publisher: Publisher, fetch: Callable[..., Installed]) -> None:
        publisher.publish({"etcd.tar.gz": FILES["store.tar.gz"]})
        with pytest.raises(SandboxError, match=r"etcd\.tar\.gz does not contain etcd\.$"):
            fetch()
        assert add_downloaded(Installed(), FIELDS, MACHINE) == Installed()

    def test_a_wrong_checksum_stops(self, publisher: Publisher, fetch: Callable[..., Installed]) -> None:
        publisher.publish(FILES)
        publisher.server.files[f"/{HOST}/etcd.tar.gz"] = b"another"
        with pytest.raises(SandboxError, match=r"etcd\.tar\.gz is not the expected file, and was deleted"):
            fetch()
        assert add_downloaded(Installed(), FIELDS, MACHINE).etcd is None

    def test_a_missing_file_is_built(
        self, publisher: Publisher, fetch: Callable[..., Installed], shown: io.StringIO
    ) -> None:
        publisher.publish(FILES)
        del publisher.server.files[f"/{HOST}/cli.tar.gz"]
        found = fetch()
        assert (found.pulumi, found.language_host) == (None, None)
        assert found.versitygw is not None
        assert re.search(
            r"\ncli\.tar\.gz: http://.*/cli\.tar\.gz answers 404 Not Found\. It is built", shown.getvalue()
        )

    def test_an_unreachable_host_is_asked_once(
        self,
        publisher: Publisher,
        fetch: Callable[..., Installed],
        shown: io.StringIO,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        publisher.publish(FILES)
        requested: list[str] = []

        def unreachable(url: str, *_: object) -> None:
            requested.append(url)
            raise UnavailableError("publisher.invalid cannot be reached: no route", reached=False)

        monkeypatch.setattr(releases, "download", unreachable)
        assert fetch() == Installed()
        assert len(requested) == 1
        assert shown.getvalue().count("cannot be reached") == len(FILES)

    def test_two_runs_download_once(
        self, publisher: Publisher, fetch: Callable[..., Installed], shown: io.StringIO
    ) -> None:
        publisher.publish({"etcd.tar.gz": FILES["etcd.tar.gz"]})
        publisher.server.pause = 0.1
        results: list[Installed] = []
        runs = [threading.Thread(target=lambda: results.append(fetch())) for _ in range(2)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        assert results[0] == results[1] == add_downloaded(Installed(), FIELDS, MACHINE)
        assert publisher.requested == ["etcd.tar.gz"]
        assert "Another run is downloading the sandbox's programs: waiting for it" in shown.getvalue()

    def test_progress_on_a_terminal(self, publisher: Publisher) -> None:
        publisher.publish({"kube-apiserver": os.urandom(3_000_000)})
        publisher.server.pause = 0.3
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, width=150)
        add_downloads(Installed(), ["kube-apiserver"], MACHINE, Progress(console))
        assert re.search(r"\[1/1\] kube-apiserver 1\.0, \d+s, \d of 3 MB, \d+\.\d MB/s, \d+s left", out.getvalue())


class TestOldDownloads:
    def test_are_removed_after_a_month_without_use(
        self, publisher: Publisher, fetch: Callable[..., Installed], tmp_path: Path
    ) -> None:
        publisher.publish(FILES)
        root = tmp_path / "cache" / "releases"
        current = {release.folder.name for release in releases.pinned(MACHINE)}
        (partial,) = [f"{name}.partial" for name in current if name.startswith("versitygw")]
        for name, days in (("etcd-0.9-abc", 31), ("etcd-0.8-abc", 1), ("pulumi-0.9-abc.new", 31)):
            (root / name).mkdir(parents=True)
            (root / name / "program").touch()
            os.utime(root / name, (time.time() - days * 86_400,) * 2)
        for name, days in (("etcd-0.9-def.partial", 31), (partial, 31)):
            (root / name).touch()
            os.utime(root / name, (time.time() - days * 86_400,) * 2)
        fetch("etcd")
        (etcd,) = [name for name in current if name.startswith("etcd")]
        assert {path.name for path in root.iterdir()} == {"lock", etcd, "etcd-0.8-abc", partial}

    def test_stay_while_a_run_uses_them(self, publisher: Publisher, fetch: Callable[..., Installed]) -> None:
        publisher.publish(FILES)
        found = fetch("etcd").etcd
        assert found is not None
        os.utime(found.parent, (0, 0))
        add_downloaded(Installed(), ["etcd"], MACHINE)
        assert found.parent.stat().st_mtime > time.time() - 60


class TestMirror:
    def test_keeps_the_publishers_paths(self, tmp_path: Path) -> None:
        url = "https://dl.k8s.io/release/v1/kubectl"
        assert address(url, {}) == url
        assert address(url, {"AMBIENT_MIRROR": "http://m:1/x/"}) == "http://m:1/x/dl.k8s.io/release/v1/kubectl"
        assert address(url, {"AMBIENT_MIRROR": str(tmp_path)}) == f"{tmp_path.as_uri()}/dl.k8s.io/release/v1/kubectl"

    @pytest.mark.parametrize("mirror", ["https://me:secret@m/", "https://me:secret/2@m/", "https://me:secret@[m/"])
    def test_refuses_a_password(self, mirror: str) -> None:
        with pytest.raises(SandboxError, match=r"must not contain a user|is neither a valid URL") as problem:
            address("https://dl.k8s.io/x", {"AMBIENT_MIRROR": mirror})
        assert "secret" not in str(problem.value)

    @pytest.mark.parametrize(
        "mirror",
        ["ftp://m", "m:80/x", "http://[bad", "http://m:x/", "http://", "~no-such-user/x", "s3://bucket/x"],
    )
    def test_is_a_folder_or_a_url_of_a_known_scheme(self, mirror: str) -> None:
        with pytest.raises(SandboxError, match=r"^AMBIENT_MIRROR (is neither|must be) "):
            address("https://dl.k8s.io/x", {"AMBIENT_MIRROR": mirror})

    def test_may_be_a_folder(self, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        publisher.publish(FILES)
        (tmp_path / "mirror" / HOST).mkdir(parents=True)
        (tmp_path / "mirror" / HOST / "store.tar.gz").write_bytes(FILES["store.tar.gz"])
        monkeypatch.setenv("AMBIENT_MIRROR", str(tmp_path / "mirror"))
        shown = io.StringIO()
        found = add_downloads(Installed(), list(FIELDS), MACHINE, Progress(Console(file=shown, width=200)))
        assert found.versitygw is not None
        assert found.etcd is None
        assert shown.getvalue().count("No such file or directory") == len(FILES) - 1


class TestToolchain:
    def test_is_complete_without_a_compiler(self, publisher: Publisher) -> None:
        publisher.publish(FILES)
        tools = find_or_build(Console(file=io.StringIO()))
        assert tools.language_host == tools.pulumi.with_name("pulumi-language-python")
        assert tools.language_exec is None
        assert None not in {tools.etcd, tools.kube_apiserver, tools.kube_controller_manager, tools.versitygw}
        assert len(tools.path_entries) == 2
        before = len(publisher.requested)
        assert find_or_build(Console(file=io.StringIO())) == tools
        assert len(publisher.requested) == before

    def test_of_a_cluster_that_is_there_has_two_parts(self, publisher: Publisher) -> None:
        publisher.publish(FILES)
        find_or_build(Console(file=io.StringIO()), cluster=False)
        assert publisher.requested == ["cli.tar.gz", "plugin.tar.gz"]

    def test_offline_takes_what_was_downloaded(self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
        publisher.publish(FILES)
        tools = find_or_build(Console(file=io.StringIO()))
        monkeypatch.setenv("AMBIENT_OFFLINE", "1")
        assert find_or_build(Console(file=io.StringIO())) == tools

    def test_offline_names_what_is_missing(
        self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, fetch: Callable[..., Installed]
    ) -> None:
        publisher.publish(FILES)
        fetch("pulumi", "etcd")
        before = publisher.requested
        monkeypatch.setenv("AMBIENT_OFFLINE", "1")
        missing = "versitygw, kube-apiserver, kube-controller-manager, pulumi-resource-kubernetes"
        with pytest.raises(
            SandboxError, match=rf"^With AMBIENT_OFFLINE, these .*: {missing}\.\nThere is no `go` on PATH"
        ):
            find_or_build(Console(file=io.StringIO()))
        assert publisher.requested == before

    @pytest.mark.parametrize("as_url", [True, False])
    def test_offline_takes_from_a_mirror_in_a_folder(
        self, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_url: bool
    ) -> None:
        publisher.publish(FILES)
        folder = tmp_path / "mirror" / HOST
        folder.mkdir(parents=True)
        for name, data in FILES.items():
            (folder / name).write_bytes(data)
        monkeypatch.setenv("AMBIENT_OFFLINE", "1")
        monkeypatch.setenv("AMBIENT_MIRROR", folder.parent.as_uri() if as_url else str(folder.parent))
        tools = find_or_build(Console(file=io.StringIO()))
        assert tools.pulumi.read_bytes() == SCRIPT
        assert publisher.requested == []

    def test_a_complete_build_comes_before_a_download(
        self, publisher: Publisher, fetch: Callable[..., Installed], tmp_path: Path
    ) -> None:
        publisher.publish(FILES)
        assert fetch().pulumi is not None
        for kit in KITS:
            folder = tmp_path / "cache" / "toolchain" / f"{kit.sources_key()}-{MACHINE}-x" / "bin"
            folder.mkdir(parents=True)
            for name in [*(part.name for part in kit.parts), LANGUAGE_EXEC]:
                (folder / name).touch(mode=0o755)
        tools = find_or_build(Console(file=io.StringIO()))
        assert tools.pulumi.parent == folder
        assert (tools.language_host, tools.language_exec) == (None, folder / LANGUAGE_EXEC)

    def test_building_can_be_chosen(
        self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, fetch: Callable[..., Installed]
    ) -> None:
        publisher.publish(FILES)
        fetch()
        monkeypatch.setenv("AMBIENT_BUILD", "1")
        with pytest.raises(SandboxError, match=r"^There is no `go` on PATH"):
            find_or_build(Console(file=io.StringIO()))

    def test_a_cache_that_cannot_be_written(
        self,
        publisher: Publisher,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        publisher.publish(FILES)
        (tmp_path / "file").touch()
        monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "file" / "cache"))
        assert command_line.main(["build"]) == 1
        errors = capsys.readouterr().err
        assert f"sandbox: The cache {tmp_path}/file/cache cannot be written: Not a directory." in errors
        assert "hint: AMBIENT_CACHE_DIR=FOLDER puts the cache elsewhere." in errors

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
    def test_a_full_disk(self, publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        publisher.publish(FILES)
        (release,) = [release for release in releases.pinned(MACHINE) if "etcd" in release.programs]
        release.folder.parent.mkdir(parents=True)
        release.folder.with_name(f"{release.folder.name}.partial").symlink_to("/dev/full")
        assert command_line.main(["build"]) == 1
        errors = capsys.readouterr().err
        assert f"sandbox: The cache {tmp_path}/cache cannot be written: No space left on device." in errors
        assert "hint: Make room" in errors

"""Building with Go: what it is called with, what a failure tells, and what the next run still has to do.

`go` is a script here. It answers like Go, and its builds write a file in no time.
"""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import go as compiler
from sandbox.build import build_part
from sandbox.errors import SandboxError
from sandbox.go import GIBIBYTE, find_go, go_environment, usable_cores
from sandbox.machine import Installed
from sandbox.parts import ENGINE_KIT, KITS, KUBERNETES_PLUGIN, LANGUAGE_EXEC
from sandbox.paths import REPOSITORY, TOOLCHAIN_SOURCES
from sandbox.progress import Pace, minutes
from sandbox.toolchain import find_or_build

NAMES = [part.name for kit in KITS for part in kit.parts]
PLUGIN_SDK = "github.com/pulumi/pulumi-kubernetes/sdk/v4"

# $FAKE has the modules, the list of calls, and the programs whose build fails, with what it prints.
GO = """#!/bin/bash
case "$1" in
env) echo '{"GOOS": "linux", "GOARCH": "amd64", "GOVERSION": "go1.99.0"}' ;;
list) echo "$FAKE/modules/${@: -1}" ;;
build)
  while [ "$1" != -o ]; do shift; done
  name=$(basename "$2"); name=${name#.}; name=${name%.*}
  echo "$name" >> "$FAKE/calls"
  if [ -e "$FAKE/fails/$name" ]; then cat "$FAKE/fails/$name"; exit 1; fi
  if [ -e "$FAKE/slow/$name" ]; then echo "$$" > "$FAKE/pid"; exec sleep 60; fi
  env > "$FAKE/environment"
  echo program > "$2"; chmod +x "$2" ;;
esac
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has nothing but a Go, and an empty cache."""
    folder = tmp_path / "fake"
    for name in ("bin", "fails", "slow"):
        (folder / name).mkdir(parents=True)
    (folder / "bin" / "go").write_text(GO, encoding="utf-8")
    (folder / "bin" / "go").chmod(0o755)
    modules = folder / "modules"
    host = modules / "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python-exec"
    command = modules / "github.com/pulumi/pulumi-kubernetes/provider/v4/cmd/pulumi-resource-kubernetes"
    sdk = modules / PLUGIN_SDK
    texts = {
        host: "runner",
        command / "schema.json": "{}",
        command / "terraform-mapping.json": "{}",
        sdk / "go.mod": "module sdk\n",
        sdk / "go/kubernetes/customPulumiTypes.go": "package kubernetes\n",
        sdk / "go/kubernetes/apps/v1/deployment.go": "package v1\n",
        sdk / "go/kubernetes/yaml/v2/init.go": "package v2\n",
        sdk / "go/kubernetes/yaml/v2/kinds.go": "typed",
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("FAKE", str(folder))
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("AMBIENT_BUILD", "1")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return folder


def run(output: io.StringIO | None = None) -> None:
    find_or_build(Console(file=output or io.StringIO(), width=300))


def calls(fake: Path) -> list[str]:
    path = fake / "calls"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def fail(fake: Path, name: str, text: str) -> None:
    (fake / "fails" / name).write_text(text, encoding="utf-8")


class TestBuilds:
    def test_all_parts_once(self, fake: Path) -> None:
        output = io.StringIO()
        run(output)
        assert calls(fake) == NAMES
        assert "Building 5 of the sandbox's parts with go1.99.0, once: about " in output.getvalue()
        run()
        assert calls(fake) == NAMES

    def test_the_next_run_goes_on_where_a_failed_one_stopped(self, fake: Path) -> None:
        fail(fake, "kube-controller-manager", "no")
        with pytest.raises(SandboxError, match="controller manager could not be built"):
            run()
        (fake / "fails" / "kube-controller-manager").unlink()
        before = calls(fake)
        run()
        assert calls(fake)[len(before) :] == NAMES[NAMES.index("kube-controller-manager") :]

    def test_an_interrupted_build_leaves_no_compiler_and_no_half_program(self, fake: Path, tmp_path: Path) -> None:
        (fake / "slow" / "etcd").touch()
        command = [sys.executable, "-m", "sandbox", "build"]

        def heed_interrupts() -> None:
            """A shell starts programs in the background with SIGINT ignored, and children inherit that."""
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        with subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,  # noqa: PLW1509  # no thread runs yet
        ) as child:
            deadline = time.monotonic() + 60
            while not (fake / "pid").exists() or not (fake / "pid").read_text().strip():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            child.send_signal(signal.SIGINT)
            _, received = child.communicate(timeout=60)
        assert child.returncode == 130
        assert received.splitlines()[-1].startswith("sandbox: interrupted; ")
        with pytest.raises(ProcessLookupError):
            os.kill(int((fake / "pid").read_text()), 0)
        assert [path.name for path in (tmp_path / "cache").glob("toolchain/*/bin/*")] == ["versitygw"]
        (fake / "slow" / "etcd").unlink()
        run()
        assert calls(fake) == ["versitygw", "etcd", *NAMES[1:]]

    def test_of_two_at_once_the_second_waits_and_builds_nothing_twice(self, fake: Path, tmp_path: Path) -> None:
        run()
        etcd = next((tmp_path / "cache").glob("toolchain/*/bin/etcd"))
        etcd.unlink()
        output = io.StringIO()
        with (etcd.parent.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            second = threading.Thread(target=run, args=(output,))
            second.start()
            deadline = time.monotonic() + 60
            while "Another run is building" not in output.getvalue():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            # The first run completes it.
            etcd.write_text("program")
            etcd.chmod(0o755)
        second.join(timeout=60)
        assert not second.is_alive()
        assert calls(fake) == NAMES

    def test_the_plugin_gets_our_registration_of_kinds(self, fake: Path, tmp_path: Path) -> None:
        folder = tmp_path / "kit"
        plugin = next(part for part in ENGINE_KIT.parts if part.module == KUBERNETES_PLUGIN)
        build_part(find_go(), plugin, folder, lambda detail="": None)
        source = folder / "build" / "kubernetes-plugin"
        module = (source / "go.mod").read_text()
        assert (
            module
            == f"{(TOOLCHAIN_SOURCES / 'kubernetes-plugin' / 'go.mod').read_text()}\nreplace {PLUGIN_SDK} => ./sdk\n"
        )
        packages = source / "sdk" / "go" / "kubernetes"
        ours = (TOOLCHAIN_SOURCES / "kubernetes-plugin" / "sdk" / "kinds.go").read_text()
        assert (packages / "yaml" / "v2" / "kinds.go").read_text() == ours
        assert (packages / "yaml" / "v2" / "init.go").exists()
        assert (packages / "customPulumiTypes.go").exists()
        assert not (packages / "apps").exists()
        assert json.loads((source / "schema-embed.json").read_text())["version"]


class TestInterruptedBuilds:
    """Some parts were built before. Only the others are missing."""

    @pytest.fixture
    def begun(self, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fail(fake, "kube-controller-manager", "no")
        with pytest.raises(SandboxError):
            run()
        monkeypatch.delenv("AMBIENT_BUILD")

    def test_only_the_rest_is_downloaded(self, begun: None, monkeypatch: pytest.MonkeyPatch) -> None:
        requested: list[str] = []

        def record(found: Installed, missing: Collection[str], *_: object) -> Installed:
            requested.extend(missing)
            return found

        monkeypatch.setattr("sandbox.toolchain.add_downloads", record)
        with pytest.raises(SandboxError, match="controller manager could not be built"):
            run()
        assert requested == NAMES[NAMES.index("kube-controller-manager") :]

    def test_a_built_pulumi_without_its_runner_is_missing_it(
        self, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run()
        monkeypatch.delenv("AMBIENT_BUILD")
        monkeypatch.setenv("AMBIENT_OFFLINE", "1")
        next((tmp_path / "cache").glob(f"toolchain/*/bin/{LANGUAGE_EXEC}")).unlink()
        (fake / "bin" / "go").unlink()
        with pytest.raises(SandboxError, match=rf"^With AMBIENT_OFFLINE, these .*: {LANGUAGE_EXEC}\.\nThere is no"):
            run()

    def test_offline_the_missing_are_named_only_where_there_is_no_go(
        self, begun: None, fake: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AMBIENT_OFFLINE", "1")
        with pytest.raises(SandboxError, match=r"^controller manager could not be built"):
            run()
        (fake / "bin" / "go").unlink()
        missing = "kube-controller-manager, pulumi-resource-kubernetes, pulumi"
        with pytest.raises(SandboxError, match=rf"^With AMBIENT_OFFLINE, these .*: {missing}\.\nThere is no"):
            run()


class TestFailures:
    @pytest.mark.parametrize(
        ("text", "problem", "advice"),
        [
            ("write /tmp/x.a: no space left on device", "the disk is full", "Free some space"),
            (
                "k8s.io/api@v0.34.4: module lookup disabled by GOPROXY=off",
                "a Go module could not be downloaded",
                "Check",
            ),
            ('Get "https://h/x.zip": dial tcp: lookup h: no such host', "a Go module could not be downloaded", "Check"),
            ("verifying k8s.io/api@v0.34.4: checksum mismatch", "another checksum", "go clean -modcache"),
            ("link: signal: killed", "the compiler ran out of memory", "GOFLAGS=-p=1"),
            (
                "failed to initialize build cache at /x: mkdir /x: permission denied",
                "a folder of Go is not writable",
                "Set GOCACHE",
            ),
        ],
    )
    def test_a_known_one_is_one_sentence_and_a_hint(
        self, fake: Path, tmp_path: Path, text: str, problem: str, advice: str
    ) -> None:
        fail(fake, "etcd", f"# some/package\n{text}\nmore\n")
        with pytest.raises(SandboxError) as refused:
            run()
        first, hint, log = str(refused.value).splitlines()
        assert first.startswith("etcd could not be built, because ")
        assert problem in first
        assert first.endswith(f": {text}")
        assert hint.startswith("hint: ")
        assert advice in hint
        assert log.startswith(f"hint: The log is {tmp_path / 'cache'}")

    def test_an_unknown_one_shows_the_end_of_the_log(self, fake: Path) -> None:
        fail(fake, "etcd", "\n".join(f"line {number}" for number in range(100)))
        with pytest.raises(SandboxError) as refused:
            run()
        lines = str(refused.value).splitlines()
        assert lines[0] == "etcd could not be built: Go ended with exit code 1."
        assert lines[1:-1] == [f"line {number}" for number in range(70, 100)]

    def test_a_cache_that_is_not_writable(self, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "file" / "cache"))
        with pytest.raises(SandboxError) as refused:
            run()
        first, *hints = str(refused.value).splitlines()
        assert first == f"The cache {tmp_path / 'file' / 'cache'} cannot be written: Not a directory."
        assert hints[-1] == "hint: AMBIENT_CACHE_DIR=FOLDER puts the cache elsewhere."
        assert calls(fake) == []

    @pytest.mark.parametrize("name", ["cache/toolchain/x", "cache", "", None, "other/x"])
    def test_a_full_disk_is_of_the_cache_if_the_file_is(
        self, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
    ) -> None:
        def full(*_: object, **__: object) -> None:
            filename = None if name is None else str(tmp_path / name)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), filename)

        monkeypatch.setattr("sandbox.toolchain.build_part", full)
        if name == "other/x":
            with pytest.raises(OSError, match="No space left on device"):
                run()
        else:
            with pytest.raises(SandboxError, match=r"cannot be written: No space left on device\.\nhint: Make room"):
                run()

    def test_a_go_that_does_not_work_is_not_called_old(self, fake: Path) -> None:
        (fake / "bin" / "go").write_text("#!/bin/sh\necho 'go: parsing $GOFLAGS: unknown flag -x' >&2; exit 1\n")
        with pytest.raises(SandboxError) as refused:
            find_go()
        assert str(refused.value).startswith(f"{fake / 'bin' / 'go'} does not work: go: parsing $GOFLAGS: unknown flag")


class TestEnvironment:
    def test_a_workspace_of_the_user_and_a_c_compiler_change_nothing(
        self, fake: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOWORK", "/somewhere/go.work")
        monkeypatch.setenv("CGO_ENABLED", "1")
        run()
        seen = (fake / "environment").read_text().splitlines()
        assert {"GOWORK=off", "CGO_ENABLED=0"} <= set(seen)

    @pytest.mark.parametrize(
        ("memory", "cores", "limit"),
        [(4 * GIBIBYTE, 2, GIBIBYTE), (64 * GIBIBYTE, 8, 4 * GIBIBYTE), (16 * GIBIBYTE, 16, GIBIBYTE // 2)],
    )
    def test_compilers_take_half_of_the_memory(
        self, monkeypatch: pytest.MonkeyPatch, memory: int, cores: int, limit: int
    ) -> None:
        monkeypatch.setattr(compiler, "_memory", lambda: memory)
        monkeypatch.setattr(compiler, "usable_cores", lambda: cores)
        found = go_environment({})
        assert (found["GOGC"], found["GOMEMLIMIT"]) == ("off", str(limit))

    def test_in_small_memory_the_collector_stays_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compiler, "_memory", lambda: 8 * GIBIBYTE)
        monkeypatch.setattr(compiler, "usable_cores", lambda: 16)
        assert not {"GOGC", "GOMEMLIMIT"} & set(go_environment({}))

    def test_offline_go_downloads_nothing(self) -> None:
        found = go_environment({"AMBIENT_OFFLINE": "1", "GOPROXY": "direct"})
        assert (found["GOPROXY"], found["GOTOOLCHAIN"]) == ("off", "local")

    def test_the_users_settings_of_the_collector_win(self) -> None:
        found = go_environment({"GOGC": "50", "GOMEMLIMIT": "1GiB"})
        assert (found["GOGC"], found["GOMEMLIMIT"]) == ("50", "1GiB")

    def test_a_machine_has_memory(self) -> None:
        assert compiler._memory() > GIBIBYTE // 8

    @pytest.mark.parametrize(
        ("quota", "cores"),
        [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), ("900000 100000", 4), (None, 4)],
    )
    def test_cores_are_those_that_a_container_may_use(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, cores: int
    ) -> None:
        monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
        if quota:
            (tmp_path / "cpu.max").write_text(f"{quota}\n", encoding="utf-8")
        assert usable_cores(tmp_path / "cpu.max") == cores


class TestEstimates:
    def test_the_machines_own_builds_correct_them(self) -> None:
        pace = Pace(cores=2)
        assert pace.estimate(600) == 300
        pace.learn(100, used=150, seconds=90)
        assert pace.estimate(600) == 540

    def test_what_gos_cache_had_tells_nothing(self) -> None:
        pace = Pace(cores=2)
        pace.learn(100, used=5, seconds=4)
        assert pace.estimate(600) == 300

    def test_are_whole_minutes(self) -> None:
        assert [minutes(value) for value in (3, 89, 90, 840)] == [
            "about a minute",
            "about a minute",
            "about 2 min",
            "about 14 min",
        ]

"""The parts of the sandbox that need neither a compiler nor a cluster."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from sandbox import __main__ as command_line
from sandbox.cluster import Cluster
from sandbox.credentials import USERS, ensure_tokens, read_tokens, signing_key
from sandbox.environment import (
    UNSET,
    check_cli_version,
    child_environment,
    environment,
    export_lines,
    launcher_script,
    prepare,
    recorded_toolchain,
)
from sandbox.errors import SandboxError
from sandbox.go import find_go
from sandbox.machine import LAUNCHER_MARK, Installed, look_around
from sandbox.parts import ENGINE_KIT, KITS, STORE_KIT, VERSITYGW_VERSION, machine_key, required_go
from sandbox.paths import PLATFORM_MANIFESTS, TOOLCHAIN_SOURCES, cache_root, partial_file, write_private
from sandbox.processes import Service
from sandbox.progress import Progress, spell
from sandbox.starting import wait_ready
from sandbox.toolchain import Toolchain, find_or_build


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def toolchain(folder: Path, *, real_host: bool = False) -> Toolchain:
    return Toolchain(
        pulumi=program(folder / "pulumi"),
        kubernetes_plugin=program(folder / "pulumi-resource-kubernetes"),
        kube_apiserver=program(folder / "kube-apiserver"),
        kube_controller_manager=program(folder / "kube-controller-manager"),
        etcd=program(folder / "etcd"),
        versitygw=program(folder / "versitygw"),
        language_host=program(folder / "pulumi-language-python") if real_host else None,
        language_exec=None if real_host else program(folder / "pulumi-language-python-exec"),
    )


def write_state(box: Path, stack: str, version: str) -> Path:
    """A stack's state as a Pulumi CLI of this version writes it."""
    path = box / "state" / ".pulumi" / "stacks" / "project" / f"{stack}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"manifest": {"version": version}}}}))
    return path


class TestCacheKey:
    def test_follows_from_module_files(self, tmp_path: Path) -> None:
        copy = shutil.copytree(TOOLCHAIN_SOURCES, tmp_path / "toolchain")
        assert ENGINE_KIT.sources_key(copy) == ENGINE_KIT.sources_key()
        (copy / "core" / "go.sum").write_text("other", encoding="utf-8")
        assert ENGINE_KIT.sources_key(copy) != ENGINE_KIT.sources_key()

    def test_another_store_builds_nothing_else_anew(self, tmp_path: Path) -> None:
        copy = shutil.copytree(TOOLCHAIN_SOURCES, tmp_path / "toolchain")
        (copy / "store" / "go.sum").write_text("other", encoding="utf-8")
        assert STORE_KIT.sources_key(copy) != STORE_KIT.sources_key()
        assert ENGINE_KIT.sources_key(copy) == ENGINE_KIT.sources_key()

    def test_follows_from_flags(self) -> None:
        assert replace(ENGINE_KIT, parts=ENGINE_KIT.parts[1:]).sources_key() != ENGINE_KIT.sources_key()

    def test_follows_from_the_machine(self) -> None:
        one = machine_key("linux", "amd64", "go1.26.8")
        assert one.startswith("linux-amd64-")
        assert one != machine_key("linux", "amd64", "go1.26.9")

    def test_required_go_is_the_modules(self) -> None:
        modules = [module for kit in KITS for module in kit.modules]
        assert sorted(modules) == sorted(path.name for path in TOOLCHAIN_SOURCES.iterdir())
        for module in modules:
            assert f"\ngo {required_go()}\n" in (TOOLCHAIN_SOURCES / module / "go.mod").read_text(), module

    def test_the_longest_build_comes_last(self) -> None:
        parts = [part for kit in KITS for part in kit.parts]
        assert parts[-1].cpu_seconds == max(part.cpu_seconds for part in parts)

    def test_the_stores_version_is_its_modules(self) -> None:
        assert f" {VERSITYGW_VERSION} //" in (TOOLCHAIN_SOURCES / "store" / "go.mod").read_text()

    def test_cache_root(self, tmp_path: Path) -> None:
        assert cache_root({"AMBIENT_CACHE_DIR": str(tmp_path)}) == tmp_path
        assert cache_root({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "ambient-components"
        assert cache_root({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / "ambient-components"


class TestLookAround:
    def look(self, tmp_path: Path, *folders: Path, **more: str) -> Installed:
        path = os.pathsep.join(map(str, folders))
        return look_around({"PATH": path, "PULUMI_HOME": str(tmp_path / "home"), **more})

    def test_nothing(self, tmp_path: Path) -> None:
        assert self.look(tmp_path) == Installed()

    def test_pulumi_counts_only_with_its_language_host(self, tmp_path: Path) -> None:
        pulumi = program(tmp_path / "a" / "pulumi")
        assert self.look(tmp_path, tmp_path / "a").pulumi is None
        host = program(tmp_path / "b" / "pulumi-language-python")
        found = self.look(tmp_path, tmp_path / "a", tmp_path / "b")
        assert (found.pulumi, found.language_host) == (pulumi, host)

    @pytest.mark.parametrize(
        ("version", "used"),
        [("v3.248.9", False), ("v2.300.0", False), ("v3.249.0", True), ("3.300.0-dev+1", True), ("v4.0.0", True)],
    )
    def test_an_old_pulumi_is_not_used(
        self, tmp_path: Path, version: str, used: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        program(tmp_path / "a" / "pulumi", f"#!/bin/sh\necho {version}\n")
        program(tmp_path / "a" / "pulumi-language-python")
        found = self.look(tmp_path, tmp_path / "a")
        assert (found.pulumi is not None, found.language_host is not None) == (used, used)
        received = f"{tmp_path / 'a' / 'pulumi'} is {version}, older than 3.249: not used\n"
        assert capsys.readouterr().err == ("" if used else received)

    def test_host_beside_a_linked_pulumi(self, tmp_path: Path) -> None:
        program(tmp_path / "real" / "pulumi")
        host = program(tmp_path / "real" / "pulumi-language-python")
        (tmp_path / "links").mkdir()
        (tmp_path / "links" / "pulumi").symlink_to(tmp_path / "real" / "pulumi")
        assert self.look(tmp_path, tmp_path / "links").language_host == host

    def test_our_own_launcher_is_no_language_host(self, tmp_path: Path) -> None:
        program(tmp_path / "sandbox" / "pulumi")
        program(tmp_path / "sandbox" / "pulumi-language-python", launcher_script(tmp_path / "exec"))
        program(tmp_path / "real" / "pulumi-language-python")
        assert self.look(tmp_path, tmp_path / "sandbox", tmp_path / "real").pulumi is None

    def test_our_own_cache_is_not_the_machine(self, tmp_path: Path) -> None:
        cached = tmp_path / "cache" / "toolchain" / "key" / "bin"
        program(cached / "pulumi-resource-kubernetes")
        found = self.look(tmp_path, cached, AMBIENT_CACHE_DIR=str(tmp_path / "cache"))
        assert found.kubernetes_plugin is None

    def test_newest_installed_plugin(self, tmp_path: Path) -> None:
        for version in ("4.9.0", "4.25.1", "4.25.0"):
            newest = tmp_path / "home" / "plugins" / f"resource-kubernetes-v{version}" / "pulumi-resource-kubernetes"
            program(newest)
        found = self.look(tmp_path).kubernetes_plugin
        assert found is not None
        assert found.parent.name == "resource-kubernetes-v4.25.1"

    def test_assets_need_api_server_and_etcd(self, tmp_path: Path) -> None:
        assets = tmp_path / "assets"
        api_server = program(assets / "kube-apiserver")
        assert self.look(tmp_path, KUBEBUILDER_ASSETS=str(assets)).kube_apiserver is None
        etcd = program(assets / "etcd")
        found = self.look(tmp_path, KUBEBUILDER_ASSETS=str(assets))
        assert (found.kube_apiserver, found.etcd, found.kube_controller_manager) == (api_server, etcd, None)

    def test_a_complete_machine_builds_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        there = tmp_path / "bin"
        for name in ("pulumi", "pulumi-language-python", "pulumi-resource-kubernetes"):
            program(there / name)
        for name in ("kube-apiserver", "kube-controller-manager", "etcd"):
            program(there / name)
        program(there / "versitygw", "#!/bin/sh\necho Version: v1.8.0\n")
        monkeypatch.setenv("PATH", str(there))
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(there))
        monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "cache"))
        result = find_or_build(Console(file=io.StringIO()))
        assert result.language_host == there / "pulumi-language-python"
        assert result.language_exec is None
        assert result.path_entries == (there,)
        assert not (tmp_path / "cache").exists()


class TestGo:
    def test_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(SandboxError, match=rf"no `go` on PATH .*\nhint: Install Go {required_go()} or newer"):
            find_go()

    @pytest.mark.parametrize(
        "env_answer",
        [
            'echo "go: go.mod requires go >= 1.26.6" >&2; exit 1',
            # Before 1.21 nothing is refused here.
            """echo '{"GOOS":"linux","GOARCH":"amd64","GOVERSION":"go1.19.8","CGO_ENABLED":"1"}'""",
        ],
    )
    def test_too_old(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env_answer: str) -> None:
        script = f'#!/bin/sh\ncase "$1" in env) {env_answer};; *) echo go version go1.19.8;; esac\n'
        program(tmp_path / "go", script)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        with pytest.raises(SandboxError, match=r"go1\.19\.8\) is too old"):
            find_go()

    @pytest.mark.parametrize(("offline", "proxy"), [("1", "off"), ("0", "here"), (None, "here")])
    def test_offline_downloads_no_modules(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: str | None, proxy: str
    ) -> None:
        program(tmp_path / "go", '#!/bin/sh\necho "proxy $GOPROXY" >&2; exit 1\n')
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("GOPROXY", "here")
        if offline is not None:
            monkeypatch.setenv("AMBIENT_OFFLINE", offline)
        with pytest.raises(SandboxError, match=rf"does not work: proxy {proxy}\nhint: "):
            find_go()

    def test_told_without_a_traceback(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
        monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
        assert command_line.main(["build"]) == 1
        assert capsys.readouterr().out == ""


class TestEnvironment:
    def test_values(self, tmp_path: Path) -> None:
        prepare(tmp_path / "box", toolchain(tmp_path / "bin"))
        found = environment(tmp_path / "box", {"PATH": f"/usr/bin:{tmp_path / 'bin'}"})
        entries = found["PATH"].split(":")
        assert entries[:2] == [str(tmp_path / "box" / "bin"), str(tmp_path / "bin")]
        assert entries.count(str(tmp_path / "bin")) == 1
        assert found["PULUMI_BACKEND_URL"] == f"file://{tmp_path / 'box' / 'state'}"
        assert (tmp_path / "box" / "state").is_dir()
        assert stat.S_IMODE((tmp_path / "box" / "passphrase").stat().st_mode) == 0o600

    def test_is_prepared_twice_alike(self, tmp_path: Path) -> None:
        tools = toolchain(tmp_path / "bin")
        prepare(tmp_path / "box", tools)
        before = (tmp_path / "box" / "passphrase").read_text()
        prepare(tmp_path / "box", tools)
        assert (tmp_path / "box" / "passphrase").read_text() == before

    def test_of_two_runs_the_first_passphrase_stays(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tools = toolchain(tmp_path / "bin")
        path = tmp_path / "box" / "passphrase"
        exists = Path.exists
        # The other run writes its passphrase right after this one saw none.
        monkeypatch.setattr(Path, "exists", lambda self, **more: self != path and exists(self, **more))
        prepare(tmp_path / "box", tools)
        before = path.read_text()
        prepare(tmp_path / "box", tools)
        assert path.read_text() == before

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
    def test_a_full_disk_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        box = tmp_path / "box"
        box.mkdir()
        (box / "state").touch()
        monkeypatch.setattr(command_line, "find_or_build", lambda console: toolchain(tmp_path / "bin"))
        assert command_line.main(["start", "--directory", str(box)]) == 1
        first, hint = capsys.readouterr().err.splitlines()
        assert first == f"sandbox: {box / 'state'} cannot be read or written: File exists."
        assert hint.startswith("hint: Check the free space and the permissions of ")

        def full(*_: object) -> None:
            with Path("/dev/full").open("w") as stream:
                stream.write("x")

        monkeypatch.setattr(command_line, "prepare", full)
        assert command_line.main(["start", "--directory", str(box)]) == 1
        assert f"sandbox: {box} cannot be read or written: No space left on device." in capsys.readouterr().err

    def test_an_older_cli_does_not_open_the_state_of_a_newer_one(self, tmp_path: Path) -> None:
        box = tmp_path / "box"
        newer = program(tmp_path / "newer", "#!/bin/sh\necho v3.274.1\n")
        older = program(tmp_path / "older", "#!/bin/sh\necho v3.259.0\n")
        newest = program(tmp_path / "newest", "#!/bin/sh\necho 3.1000.0-dev\n")
        check_cli_version(box, older)
        write_state(box, "dev", "v3.259.0")
        check_cli_version(box, older)
        write_state(box, "other", "v3.274.1")
        check_cli_version(box, newer)
        check_cli_version(box, program(tmp_path / "silent"))
        with pytest.raises(SandboxError) as refused:
            check_cli_version(box, older)
        first, *hints = str(refused.value).splitlines()
        assert first == f"{older} is v3.259.0, older than Pulumi v3.274.1, which wrote the state in {box}."
        assert len(hints) == 2
        check_cli_version(box, newest)
        write_state(box, "dev", "v3.1000.0")
        with pytest.raises(SandboxError):
            check_cli_version(box, newer)

    @pytest.mark.parametrize(
        "content",
        [b"", b"[]", b'{"checkpoint": {"latest": null}}', b'{"checkpoint": {"latest": {"manifest": {}}}}', b"\xff"],
    )
    def test_a_state_without_a_version_refuses_no_cli(self, tmp_path: Path, content: bytes) -> None:
        write_state(tmp_path, "dev", "v1.0.0").write_bytes(content)
        check_cli_version(tmp_path, program(tmp_path / "pulumi", "#!/bin/sh\necho v3.259.0\n"))

    @pytest.mark.parametrize(("own", "expected"), [(None, "true"), ("false", "false")])
    def test_the_engine_downloads_no_plugins(self, tmp_path: Path, own: str | None, expected: str) -> None:
        prepare(tmp_path / "box", toolchain(tmp_path / "bin"))
        name = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
        assert environment(tmp_path / "box", {name: own} if own else {})[name] == expected

    def test_no_launcher_beside_a_real_host(self, tmp_path: Path) -> None:
        prepare(tmp_path / "box", toolchain(tmp_path / "bin"))
        assert LAUNCHER_MARK in (tmp_path / "box" / "bin" / "pulumi-language-python").read_text()
        prepare(tmp_path / "box", toolchain(tmp_path / "bin", real_host=True))
        assert list((tmp_path / "box" / "bin").iterdir()) == []

    def test_a_passphrase_of_the_shell_does_not_win(self, tmp_path: Path) -> None:
        prepare(tmp_path / "box", toolchain(tmp_path / "bin"))
        child = child_environment(tmp_path / "box", {"PATH": "/usr/bin", "PULUMI_CONFIG_PASSPHRASE": "x", "LANG": "C"})
        assert not set(UNSET) & set(child)
        assert child["LANG"] == "C"

    def test_shell_reads_back_what_was_quoted(self) -> None:
        nasty = {"ONE": "a b'c\"d$HOME`x`\\", "TWO": "line\nline"}
        script = export_lines(nasty) + '\nprintf "%s\\0%s" "$ONE" "$TWO"'
        answer = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        assert answer.stdout == "\0".join(nasty.values())

    def test_without_a_sandbox(self, tmp_path: Path) -> None:
        assert command_line.main(["env", "--directory", str(tmp_path / "none")]) == 3

    def test_toolchain_record(self, tmp_path: Path) -> None:
        tools = toolchain(tmp_path)
        assert Toolchain.from_json(json.loads(json.dumps(tools.to_json()))) == tools
        with pytest.raises(SandboxError, match="lacks pulumi"):
            Toolchain.from_json({**tools.to_json(), "pulumi": None})

    def test_a_cluster_of_ones_own_needs_no_servers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        there = tmp_path / "bin"
        for name in ("pulumi", "pulumi-language-python", "pulumi-resource-kubernetes"):
            program(there / name)
        monkeypatch.setenv("PATH", str(there))
        monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
        monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "cache"))
        with pytest.raises(SandboxError, match="no `go` on PATH"):
            find_or_build(Console(file=io.StringIO()))
        tools = find_or_build(Console(file=io.StringIO()), cluster=False)
        assert (tools.etcd, tools.kube_apiserver, tools.kube_controller_manager) == (None, None, None)
        assert tools.versitygw is None
        prepare(tmp_path / "box", tools)
        assert recorded_toolchain(tmp_path / "box") == tools
        cluster = Cluster(tmp_path / "box", tools)
        assert not cluster.running
        cluster.stop()
        with pytest.raises(SandboxError, match="make sandbox-start"):
            cluster.start()


class TestCredentials:
    def test_tokens_are_kept_and_private(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.csv"
        first = ensure_tokens(path)
        assert ensure_tokens(path) == first == read_tokens(path)
        assert set(first) == {user.name for user in USERS}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="checks the key with openssl")
    def test_signing_key_is_a_key(self) -> None:
        subprocess.run(["openssl", "ec", "-check", "-noout"], input=signing_key(), text=True, check=True)


class TestProcesses:
    def test_start_is_seen_by_others_and_stop_ends_it(self, tmp_path: Path) -> None:
        service = Service("sleeper", tmp_path)
        pid = service.start([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"])
        assert Service("sleeper", tmp_path).pid() == pid
        assert service.stop()
        assert service.pid() is None
        assert not service.stop()

    def test_a_program_that_ended_is_named_and_not_the_one_that_waits_for_it(self, tmp_path: Path) -> None:
        needed, waiting = Service("needed", tmp_path), Service("waiting", tmp_path)
        needed.start([sys.executable, "-c", "print('invalid downgrade')"])
        waiting.start([sys.executable, "-c", "import time; time.sleep(60)"])
        try:
            with pytest.raises(SandboxError, match="needed ended at once") as failed:
                wait_ready(waiting, lambda: False, needed)
        finally:
            waiting.stop()
        _, line, hint = str(failed.value).splitlines()
        assert line == "invalid downgrade"
        assert hint.startswith("hint: If a newer version wrote its data")

    def test_a_reused_pid_is_a_stranger(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        record = {"pid": os.getpid(), "started": "1", "command": []}
        (tmp_path / "run" / "x.json").write_text(json.dumps(record), encoding="utf-8")
        assert Service("x", tmp_path).pid() is None
        assert not Service("x", tmp_path).stop()

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x", "started": "1"}'])
    def test_a_broken_record(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "x.json").write_text(content, encoding="utf-8")
        assert Service("x", tmp_path).pid() is None
        assert Service("x", tmp_path).command() == []


class TestSmallThings:
    def test_partial_files_appear_whole_or_not_at_all(self, tmp_path: Path) -> None:
        target = tmp_path / "file"

        def interrupted() -> None:
            with partial_file(target) as temporary:
                temporary.write_text("half")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert list(tmp_path.iterdir()) == []

    def test_private_from_the_start(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            write_private(tmp_path / "secret", "x")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600

    def test_progress_without_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        monkeypatch.setattr("sandbox.progress.time.monotonic", lambda: now[0])
        out = io.StringIO()
        with Progress(Console(file=out, width=200)).step("[1/2] etcd") as tick:
            for now[0] in (0.0, 10.0, 31.0, 32.0, 67.0):
                tick()
        lines = out.getvalue().splitlines()
        assert lines[1:3] == ["[1/2] etcd: still at it after 31s", "[1/2] etcd: still at it after 1m07s"]
        assert lines[-1] == "[1/2] etcd: done in 1m07s"

    def test_spell(self) -> None:
        assert [spell(value) for value in (0.4, 59.9, 60, 3600)] == ["0s", "59s", "1m00s", "60m00s"]


class TestManifests:
    @pytest.fixture
    def roles(self) -> dict[str, set[tuple[str, str, str, str]]]:
        """Role to its atoms: group, resource, verb, object name."""
        text = (PLATFORM_MANIFESTS / "clusterroles.yaml").read_text(encoding="utf-8")
        return {
            role["metadata"]["name"].removeprefix("ambient-project-"): {
                (group, resource, verb, name)
                for rule in role["rules"]
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames", [""])
            }
            for role in yaml.safe_load_all(text)
        }

    def test_admin_can_grant_all_three_and_edit_only_itself(
        self, roles: dict[str, set[tuple[str, str, str, str]]]
    ) -> None:
        # The contract's own conclusions from the platform's roles, so a slip in ours shows here. A right to all objects
        # covers the one to a named object.
        def covers(owner: str, granted: str) -> bool:
            return all(atom in roles[owner] or (*atom[:3], "") in roles[owner] for atom in roles[granted])

        assert all(covers("admin", role) for role in roles)
        assert [role for role in roles if covers("edit", role)] == ["edit"]

    def test_platform_oddities(self, roles: dict[str, set[tuple[str, str, str, str]]]) -> None:
        assert ("", "serviceaccounts/token", "create", "") in roles["edit"]
        assert ("vteam.ambient-code", "agenticsessions", "delete", "") not in roles["edit"]
        assert {a for a in roles["edit"] if a[1] == "secrets"} == {
            ("", "secrets", "create", ""),
            ("", "secrets", "get", "ambient-runner-secrets"),
        }

    def test_custom_resources(self) -> None:
        crds = yaml.safe_load_all((PLATFORM_MANIFESTS / "crds.yaml").read_text(encoding="utf-8"))
        found = {crd["spec"]["names"]["plural"]: crd["spec"]["versions"][0] for crd in crds}
        assert set(found) == {"projectsettings", "agenticsessions"}
        assert all("status" in version["subresources"] for version in found.values())
        # Only servers' definitions are open: all other unknown fields are pruned.
        for version in found.values():
            schema = version["schema"]["openAPIV3Schema"]["properties"]
            servers = schema["spec"]["properties"]["mcpServers"]["properties"].pop("custom")
            assert servers["additionalProperties"]["x-kubernetes-preserve-unknown-fields"] is True
            assert "preserve-unknown-fields" not in repr(schema)

    def test_the_platforms_programs_have_accounts_of_their_own(self) -> None:
        documents = list(yaml.safe_load_all((PLATFORM_MANIFESTS / "accounts.yaml").read_text(encoding="utf-8")))
        bound = {
            one["metadata"]["name"]: (one["roleRef"]["name"], [subject["name"] for subject in one["subjects"]])
            for one in documents
            if one["kind"] == "ClusterRoleBinding"
        }
        assert bound == {name: (name, [name]) for name in ("backend-api", "agentic-operator")}
        rules = [rule for one in documents if one["kind"] == "ClusterRole" for rule in one["rules"]]
        assert not [rule for rule in rules if "*" in rule["apiGroups"] or "*" in rule["resources"]]

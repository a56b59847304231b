"""What `make up` shows and chooses; the stack itself is tried by the engine tests and by hand."""

import io
import json
import shutil
import threading
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from ambient_components.stacks.project import Project
from ambient_components.stacks.pulumi import PulumiEngine
from sandbox import __main__ as command_line
from sandbox import locking, up
from sandbox.errors import SandboxError
from sandbox.progress import Progress, Tick
from sandbox.store import ROOT_PREFIX

_VERSION = "resource plugin kubernetes is expected to have version >=4.34.2, but has 4.25.0; the wrong version may be"
_PATH = "using pulumi-resource-kubernetes from $PATH at /somewhere/bin/pulumi-resource-kubernetes"


def shown(text: str) -> str:
    return "".join(up.without_known_warnings(text.splitlines(keepends=True)))


class TestOutput:
    def test_known_warnings_go_with_their_headings_and_count(self) -> None:
        text = f"""\
Updating (dev):

    pulumi:pulumi:Stack ambient-components-dev running warning: {_PATH}
    pulumi:pulumi:Stack ambient-components-dev  2 warnings
Diagnostics:
  pulumi:pulumi:Stack (ambient-components-dev):
    warning: {_PATH}
    warning: {_VERSION}

Outputs:
    payments/ci: [secret]
"""
        assert (
            shown(text)
            == """\
Updating (dev):

    pulumi:pulumi:Stack ambient-components-dev
Outputs:
    payments/ci: [secret]
"""
        )

    def test_others_stay_where_they_are(self) -> None:
        text = f"""\
Diagnostics:
  pulumi:pulumi:Stack (ambient-components-dev):
    warning: {_PATH}
    error: stacks/dev.yaml:3:5: workspaces

  ambient:index:AccessToken (payments/key/ci/g1):
    warning: the cluster granted less

    and a second paragraph

  ambient:index:Workspace (x):
    warning: {_VERSION}

Resources:
    29 unchanged
"""
        assert (
            shown(text)
            == """\
Diagnostics:
  pulumi:pulumi:Stack (ambient-components-dev):
    error: stacks/dev.yaml:3:5: workspaces

  ambient:index:AccessToken (payments/key/ci/g1):
    warning: the cluster granted less

    and a second paragraph

Resources:
    29 unchanged
"""
        )

    def test_colours_do_not_hide_a_warning(self) -> None:
        yellow, end = "\033[38;5;3m", "\033[0m"
        text = (
            f"    pulumi:pulumi:Stack dev {end} 3 {yellow}warnings{end}\n"
            f"{yellow}Diagnostics:{end}\n"
            f"  {yellow}pulumi:pulumi:Stack (dev):{end}\n"
            f"    {yellow}warning: {end}{_PATH}{end}\n"
            "\nResources:\n"
        )
        assert shown(text) == "    pulumi:pulumi:Stack dev\nResources:\n"

    def test_a_step_is_told_once_and_its_end_too(self) -> None:
        step = " +  kubernetes:core/v1:Namespace payments/namespace creating (0s) \n"
        end = " +  kubernetes:core/v1:Namespace payments/namespace created (0.03s) \n"
        assert shown(step + step + end + step + end) == step + end + end


class TestSelectedCluster:
    def test_is_remembered(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(up, "deployed", lambda directory: False)
        kubeconfig = tmp_path / "mine"
        kubeconfig.write_text("")
        assert up.select_kubeconfig(tmp_path, {}) is None
        assert up.cluster_environment(tmp_path) == {}
        assert up.select_kubeconfig(tmp_path, {up.KUBECONFIG_VARIABLE: str(kubeconfig)}) == kubeconfig
        assert up.select_kubeconfig(tmp_path, {}) == kubeconfig
        assert up.cluster_environment(tmp_path) == {"KUBECONFIG": str(kubeconfig)}

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(SandboxError, match="no such file"):
            up.select_kubeconfig(tmp_path, {up.KUBECONFIG_VARIABLE: str(tmp_path / "none")})

    def test_a_deployed_stack_does_not_move(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(up, "deployed", lambda directory: True)
        kubeconfig = tmp_path / "mine"
        kubeconfig.write_text("")
        with pytest.raises(SandboxError, match="make down"):
            up.select_kubeconfig(tmp_path, {up.KUBECONFIG_VARIABLE: str(kubeconfig)})
        assert up.selected_kubeconfig(tmp_path) is None

    def test_clean_leaves_nothing_behind_on_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        box = tmp_path / "box"
        box.mkdir()
        programs = ("pulumi", "kubernetes_plugin", "kube_apiserver", "kube_controller_manager", "etcd")
        (box / "toolchain.json").write_text(json.dumps({name: f"/{name}" for name in programs}))
        (box / "chosen-kubeconfig").write_text("/mine\n")
        monkeypatch.setattr(command_line, "deployed", lambda directory: True)
        assert command_line.main(["clean", "--directory", str(box)]) == 1
        assert box.exists()
        monkeypatch.setattr(command_line, "deployed", lambda directory: False)
        assert command_line.main(["clean", "--directory", str(box)]) == 0
        assert not box.exists()


def is_free(path: Path) -> bool:
    with path.open("w") as lock:
        return locking._try_lock(lock.fileno())


class TestTwoAtOnce:
    @pytest.mark.parametrize("verb", ["up", "down", "start", "stop", "clean"])
    def test_a_command_that_changes_the_sandbox_runs_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
    ) -> None:
        box, free = tmp_path / "box", list[bool]()

        def command(options: Namespace) -> int:
            free.append(is_free(options.directory / "up.lock"))
            return 0

        monkeypatch.setitem(command_line._COMMANDS, verb, (command, "", ""))
        if verb not in {"up", "start"}:
            box.mkdir()
        assert command_line.main([verb, "--directory", str(box)]) == 0
        assert free == [False]
        assert is_free(box / "up.lock")

    @pytest.mark.parametrize("verb", ["preview", "status", "env", "build"])
    def test_one_that_only_reads_it_does_not_wait(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
    ) -> None:
        monkeypatch.setitem(command_line._COMMANDS, verb, (lambda options: 0, "", ""))
        with (tmp_path / "up.lock").open("w") as lock:
            assert locking._try_lock(lock.fileno())
            assert command_line.main([verb, "--directory", str(tmp_path)]) == 0

    def test_one_that_waited_for_clean_locks_the_next_sandbox(self, tmp_path: Path) -> None:
        path, progress = tmp_path / "box" / "up.lock", Progress(Console(file=io.StringIO()))
        waits, free = threading.Event(), list[bool]()

        class Waiting(Progress):
            @contextmanager
            def step(self, title: str, hint: str = "") -> Iterator[Tick]:
                waits.set()
                yield lambda detail="": None

        def second() -> None:
            with locking.one_at_a_time(path, "", Waiting(Console(file=io.StringIO()))):
                free.append(is_free(path))

        thread = threading.Thread(target=second)
        with locking.one_at_a_time(path, "", progress):
            thread.start()
            assert waits.wait(10)
            shutil.rmtree(path.parent)
        thread.join(10)
        assert free == [False]

    @pytest.mark.parametrize("verb", ["down", "stop", "clean"])
    def test_without_a_sandbox_none_is_made(self, tmp_path: Path, verb: str) -> None:
        assert command_line.main([verb, "--directory", str(tmp_path / "none")]) == 0
        assert list(tmp_path.iterdir()) == []


class TestConfigOfTheStack:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        (tmp_path / "stacks").mkdir()
        return Project(tmp_path, "p", "stacks")

    def forget(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(up, "has_stack", lambda engine, stack: False)
        up._forget_old_cluster(project, PulumiEngine(project.folder, {}))

    def test_of_somebody_else_is_left_alone(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        file = project.config_file("dev")
        file.write_text("encryptionsalt: v1:x\n")
        with pytest.raises(SandboxError, match=r"^stacks/Pulumi.dev.yaml is of a stack that is not the sandbox's: "):
            self.forget(project, monkeypatch)
        assert file.read_text() == "encryptionsalt: v1:x\n"

    def test_of_a_sandbox_that_is_gone_is_removed(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        file = project.config_file("dev")
        up.add_ownership_comment(file)
        assert not file.exists()
        file.write_text("encryptionsalt: v1:x\n")
        up.add_ownership_comment(file)
        up.add_ownership_comment(file)
        assert file.read_text() == f"{up.OWNERSHIP_COMMENT}encryptionsalt: v1:x\n"
        self.forget(project, monkeypatch)
        assert not file.exists()

    @pytest.mark.parametrize("marked", [True, False])
    def test_clean_removes_the_sandboxs_only(
        self, project: Project, marked: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = project.config_file("dev")
        file.write_text("config: {}\n")
        if marked:
            up.add_ownership_comment(file)
        box = project.folder / "box"
        monkeypatch.setattr(command_line, "config_path", lambda: file)
        assert command_line.main(["clean", "--directory", str(box)]) == 0
        assert file.exists()
        monkeypatch.setattr(command_line, "DEFAULT_DIRECTORY", box)
        assert command_line.main(["clean", "--directory", str(box)]) == 0
        assert file.exists() is not marked


class ListeningEngine:
    """Hears what it is told, and says nothing."""

    environ: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.received: list[str] = []
        self.whispered: list[str | None] = []

    def with_backend(self, url: str) -> "ListeningEngine":
        return self

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self.received.append(" ".join(arguments))
        self.whispered.append(stdin)
        return ""


class AStore:
    endpoint = "http://127.0.0.1:1"
    iam_endpoint = "http://127.0.0.1:2"
    access_key = f"{ROOT_PREFIX}1"
    secret_key = "the-secret"


CONFIGURED: dict[str, Any] = {
    "accessKey": AStore.access_key,
    "endpoint": AStore.endpoint,
    "iamEndpoint": AStore.iam_endpoint,
    "secretKey": {"secure": "v1:x"},
}


class TestConfigOfTheStore:
    @pytest.fixture
    def engine(self) -> ListeningEngine:
        return ListeningEngine()

    def configure(self, folder: Path, engine: ListeningEngine, config: Any, *, store: bool = True) -> None:
        project = Project(folder, "p", ".")
        values = {} if config is None else {"p:objectStore": config}
        project.config_file("dev").write_text(yaml.safe_dump({"config": values}))
        up._configure_store(AStore() if store else None, project, engine)  # type: ignore[arg-type]

    def test_is_put_there_once(self, tmp_path: Path, engine: ListeningEngine) -> None:
        self.configure(tmp_path, engine, None)
        assert engine.received == [
            "config set --path --secret objectStore.secretKey --stack dev",
            f"config set --path --plaintext objectStore.accessKey {AStore.access_key} --stack dev",
            f"config set --path --plaintext objectStore.endpoint {AStore.endpoint} --stack dev",
            f"config set --path --plaintext objectStore.iamEndpoint {AStore.iam_endpoint} --stack dev",
        ]
        # Arguments of programs are visible to every user of the machine.
        assert engine.whispered == ["the-secret", None, None, None]

    def test_stays_where_nothing_changed(self, tmp_path: Path, engine: ListeningEngine) -> None:
        self.configure(tmp_path, engine, CONFIGURED)
        assert engine.received == []

    def test_another_port_is_told(self, tmp_path: Path, engine: ListeningEngine) -> None:
        self.configure(tmp_path, engine, {**CONFIGURED, "endpoint": "http://127.0.0.1:9"})
        assert engine.received == [f"config set --path --plaintext objectStore.endpoint {AStore.endpoint} --stack dev"]

    def test_of_another_sandbox_is_replaced(self, tmp_path: Path, engine: ListeningEngine) -> None:
        self.configure(tmp_path, engine, {**CONFIGURED, "accessKey": f"{ROOT_PREFIX}0"})
        assert [line.split()[4] for line in engine.received] == ["objectStore.secretKey", "objectStore.accessKey"]

    def test_an_interrupted_run_is_completed(self, tmp_path: Path, engine: ListeningEngine) -> None:
        self.configure(tmp_path, engine, {"secretKey": {"secure": "v1:x"}})
        assert len(engine.received) == 4

    @pytest.mark.parametrize(
        "theirs",
        [
            {"endpoint": "http://127.0.0.1:9000", "accessKey": "minioadmin", "secretKey": {"secure": "v1:x"}},
            {"endpoint": "https://s3.example.com"},
            {"accessKey": {"secure": "v1:x"}},
            {"region": "eu-central-1"},
            "nonsense",
        ],
    )
    def test_of_the_users_own_stays(
        self, tmp_path: Path, engine: ListeningEngine, theirs: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.configure(tmp_path, engine, theirs)
        self.configure(tmp_path, engine, theirs, store=False)
        assert engine.received == []
        assert capsys.readouterr().err == "The objectStore of dev is not the sandbox's and stays unchanged.\n"

    def test_goes_where_a_cluster_is_chosen(self, tmp_path: Path, engine: ListeningEngine) -> None:
        self.configure(tmp_path, engine, CONFIGURED, store=False)
        assert engine.received == ["config rm objectStore --stack dev"]
        self.configure(tmp_path, engine, None, store=False)
        assert len(engine.received) == 1


class TestWithoutItsPrograms:
    @pytest.mark.parametrize("verb", ["down", "preview"])
    def test_the_error_says_how_to_get_them_again(
        self, tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "toolchain.json").write_text(json.dumps({"pulumi": "/gone/pulumi", "kubernetes_plugin": "/gone/p"}))
        assert command_line.main([verb, "--directory", str(tmp_path)]) == 1
        assert capsys.readouterr().err == (
            "sandbox: /gone/pulumi, which this sandbox uses, is gone.\n"
            "hint: Run `make sandbox-start`, then this command again.\n"
        )


class TestWithoutASandbox:
    def test_preview_says_so(self, tmp_path: Path) -> None:
        assert command_line.main(["preview", "--directory", str(tmp_path / "none")]) == 3

    @pytest.mark.parametrize("verb", ["up", "preview", "down"])
    def test_help(self, verb: str) -> None:
        with pytest.raises(SystemExit) as ending:
            command_line.main([verb, "--help"])
        assert ending.value.code == 0

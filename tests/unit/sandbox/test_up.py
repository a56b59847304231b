"""What `make up` shows and chooses; the stack itself is tried by the engine tests and by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambient_components.stacks.project import Project
from ambient_components.stacks.pulumi import PulumiEngine
from sandbox import __main__ as command_line
from sandbox import up
from sandbox.errors import SandboxError
from sandbox.store import ROOT_PREFIX


class TestSelectedCluster:
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

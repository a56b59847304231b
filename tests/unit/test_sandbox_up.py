"""What `make up` shows and chooses; the stack itself is tried by the engine tests and by hand."""

import json
from pathlib import Path

import pytest

from ambient_components.cli.engine import PulumiEngine
from ambient_components.cli.project import Project
from sandbox import __main__ as command_line
from sandbox import up
from sandbox.errors import SandboxError

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


class TestChoiceOfACluster:
    def test_is_remembered(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(up, "deployed", lambda directory: False)
        kubeconfig = tmp_path / "mine"
        kubeconfig.write_text("")
        assert up.choose_kubeconfig(tmp_path, {}) is None
        assert up.chosen_environment(tmp_path) == {}
        assert up.choose_kubeconfig(tmp_path, {up.KUBECONFIG_VARIABLE: str(kubeconfig)}) == kubeconfig
        assert up.choose_kubeconfig(tmp_path, {}) == kubeconfig
        assert up.chosen_environment(tmp_path) == {"KUBECONFIG": str(kubeconfig)}

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(SandboxError, match="no such file"):
            up.choose_kubeconfig(tmp_path, {up.KUBECONFIG_VARIABLE: str(tmp_path / "none")})

    def test_a_deployed_stack_does_not_move(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(up, "deployed", lambda directory: True)
        kubeconfig = tmp_path / "mine"
        kubeconfig.write_text("")
        with pytest.raises(SandboxError, match="make down"):
            up.choose_kubeconfig(tmp_path, {up.KUBECONFIG_VARIABLE: str(kubeconfig)})
        assert up.chosen_kubeconfig(tmp_path) is None

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
        up.mark(file)
        assert not file.exists()
        file.write_text("encryptionsalt: v1:x\n")
        up.mark(file)
        up.mark(file)
        assert file.read_text() == f"{up.MARK}encryptionsalt: v1:x\n"
        self.forget(project, monkeypatch)
        assert not file.exists()

    @pytest.mark.parametrize("marked", [True, False])
    def test_clean_removes_the_sandboxs_only(
        self, project: Project, marked: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = project.config_file("dev")
        file.write_text("config: {}\n")
        if marked:
            up.mark(file)
        box = project.folder / "box"
        monkeypatch.setattr(command_line, "config_path", lambda: file)
        assert command_line.main(["clean", "--directory", str(box)]) == 0
        assert file.exists()
        monkeypatch.setattr(command_line, "DEFAULT_DIRECTORY", box)
        assert command_line.main(["clean", "--directory", str(box)]) == 0
        assert file.exists() is not marked


class TestWithoutASandbox:
    def test_down_has_nothing_to_do(self, tmp_path: Path) -> None:
        assert command_line.main(["down", "--directory", str(tmp_path / "none")]) == 0

    def test_preview_says_so(self, tmp_path: Path) -> None:
        assert command_line.main(["preview", "--directory", str(tmp_path / "none")]) == 3

    @pytest.mark.parametrize("verb", ["up", "preview", "down"])
    def test_help(self, verb: str) -> None:
        with pytest.raises(SystemExit) as ending:
            command_line.main([verb, "--help"])
        assert ending.value.code == 0

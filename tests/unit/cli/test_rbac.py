"""`ambient rbac`: the role of all features, or of those that a stack's files declare."""

from pathlib import Path

import pytest
import yaml

from ambient_components.access.deployer import Feature
from ambient_components.cli.app import run
from ambient_components.cli.rbac import deployer_manifest
from ambient_components.output import USAGE
from tests.support.projects import write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    stack = "workspaces: {pay: {keys: {ci: {}}, limits: {quota: {pods: 5}}}}\n"
    return write_project(tmp_path, {"stacks/dev.yaml": stack}, "ours")


def test_all_rights_need_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["rbac"]) == 0
    assert capsys.readouterr().out == deployer_manifest()


def test_a_stack_needs_what_its_files_declare(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rbac", "dev", "--subject", "user:ci"]) == 0
    assert capsys.readouterr().out == deployer_manifest({Feature.KEYS, Feature.QUOTA, Feature.PROOF}, "user:ci")


def test_a_fleet_needs_its_run_records_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "stacks/Pulumi.dev.yaml").write_text("config: {ours:shards: '2'}\n")
    assert run(["rbac", "--stack", "dev"]) == 0
    desired = deployer_manifest({Feature.KEYS, Feature.QUOTA, Feature.CONFIG_MAPS, Feature.PROOF})
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == list(yaml.safe_load_all(desired))


def test_another_form_of_a_subject_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rbac", "--subject", "platform-pipeline"]) == USAGE
    assert "group:NAME" in capsys.readouterr().err

"""`ambient adopt` without a cluster: entries beside what a stack has, and options."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ambient_components.access.entries import read_ledger
from ambient_components.access.guardrails import BUILT_IN, crossed
from ambient_components.adoption.workspaces import ExistingWorkspace
from ambient_components.cli.adopt.adopting import (
    beside_defaults,
    by_guardrail,
    needed_exceptions,
)
from ambient_components.cli.app import run
from ambient_components.stackfile.loader import parse_stack
from ambient_components.stacks.project import Project

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: workspaces\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    return Project.of(tmp_path)


def test_access_does_not_come_from_defaults(project: Project) -> None:
    defaults = "defaults:\n  grants: [{group: all}]\n  keys: {role: view}\n  secrets: {runner: {A: {env: A}}}\n"
    loaded = parse_stack(f"{defaults}workspaces: {{}}\n", "dev.yaml")
    keys = {"ci": {"serviceAccount": "x"}, "admin": {"role": "admin"}}
    existing = ExistingWorkspace("pay", {"keys": keys}, secret_names={"runner": ("A",), "integrations": ("B",)})
    adopted = beside_defaults(existing, loaded.defaults)
    assert adopted.entry["grants"] == []
    assert {key_id: key["role"] for key_id, key in adopted.entry["keys"].items()} == {"ci": "edit", "admin": "admin"}
    assert adopted.secret_names == {"integrations": ("B",)}
    assert beside_defaults(existing, {}) == existing


def test_existing_access_that_guardrails_refuse_gets_an_exception_with_an_end() -> None:
    entry = {"state": "active", "owners": [], "grants": {"group:system:authenticated": "view"}, "keys": {}}
    needed = needed_exceptions(crossed({}, read_ledger({"pay": entry}), BUILT_IN, NOW), "2026-12-28")
    assert [(one["guardrail"], one["until"]) for one in needed["pay"]] == [("publicAccess", "2026-12-28")]
    assert by_guardrail(needed) == {"publicAccess": ("pay",)}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--check", "--dry-run"], "leave --dry-run out"),
        (["--dry-run", "--format", "json"], "leave --format out"),
        (["--layout", "flat"], "per-workspace"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    arguments: list[str],
    reason: str,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project.folder)
    assert run(["adopt", "dev", *arguments]) == 64
    assert reason in capsys.readouterr().err


def test_a_stack_without_a_cluster_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.folder)
    assert run(["adopt", "dev"]) == 1
    assert "run ambient init dev" in capsys.readouterr().err

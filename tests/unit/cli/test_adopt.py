"""`ambient adopt` without a cluster: entries beside what a stack has, and the message of the commit."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ambient_components.access import read_ledger
from ambient_components.access.guardrails import BUILT_IN, crossed
from ambient_components.adoption.notes import Note, NoteRule
from ambient_components.adoption.summary import message, summarize
from ambient_components.adoption.workspaces import ExistingWorkspace
from ambient_components.cli.adopt import branch
from ambient_components.cli.adopt.adopting import (
    below_defaults,
    by_guardrail,
    kept,
    needed_exceptions,
    with_exceptions,
)
from ambient_components.cli.app import run
from ambient_components.errors import AmbientError
from ambient_components.stackfile.loader import parse_stack
from ambient_components.stacks.project import Project

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: workspaces\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    return Project.of(tmp_path)


def test_overwriting_keeps_what_a_cluster_cannot_show(project: Project) -> None:
    (project.folder / "stacks/dev.yaml").write_text(
        "workspaces:\n  pay:\n    shard: 2\n    grants: [{group: old}]\n    secrets: {runner: {A: {env: A}}}\n"
        "    exceptions: [{guardrail: adminKey, reason: signed off}]\n"
        "    keys: {ci: {role: view, lifetime: 30d, description: old}, gone: {}}\n"
    )
    found = ExistingWorkspace("pay", {"adopt": True, "grants": [], "keys": {"ci": {"serviceAccount": "x"}}})
    assert kept(project, found, {"pay": "dev.yaml"}) == {
        "adopt": True, "grants": [], "keys": {"ci": {"lifetime": "30d", "serviceAccount": "x"}}, "shard": 2,
        "secrets": {"runner": {"A": {"env": "A"}}}, "exceptions": [{"guardrail": "adminKey", "reason": "signed off"}],
    }  # fmt: skip
    assert kept(project, found, {}) == found.entry


def test_defaults_that_no_entry_can_take_away_are_noted() -> None:
    text = "defaults:\n  labels: {env: prod}\n  grants: [{group: all}]\n  secrets: {runner: {A: {env: A}}}\n"
    loaded = parse_stack(f"{text}workspaces: {{}}\n", "dev.yaml")
    found = ExistingWorkspace("pay", {"adopt": True}, secret_names={"runner": ("A",), "integrations": ("B",)})
    defaults, (fitted,) = below_defaults([found], loaded)
    assert defaults == {}
    assert fitted.entry == {"adopt": True, "grants": []}
    assert fitted.secret_names == {"integrations": ("B",)}
    assert [note.rule for note in fitted.notes] == [NoteRule.DEFAULTS] * len(fitted.notes)
    assert "labels.env" in " ".join(note.what for note in fitted.notes)


def test_existing_access_that_guardrails_refuse_gets_an_exception_with_an_end() -> None:
    entry = {"state": "active", "owners": [], "grants": {"group:system:authenticated": "view"}, "keys": {}}
    needed = needed_exceptions(crossed({}, read_ledger({"pay": entry}), BUILT_IN, NOW), "2026-12-28")
    assert [(one["guardrail"], one["until"]) for one in needed["pay"]] == [("publicAccess", "2026-12-28")]
    assert by_guardrail(needed) == {"publicAccess": ("pay",)}
    assert with_exceptions({"adopt": True}, needed["pay"])["exceptions"] == needed["pay"]
    own = {"exceptions": [{"guardrail": "publicAccess", "reason": "signed off"}]}
    assert with_exceptions(own, needed["pay"]) == own


def test_the_message_has_counts_and_no_words_that_a_forge_acts_on() -> None:
    notes = tuple(Note("pay", NoteRule.OTHER_ROLE, f"RoleBinding [skip ci] Closes #1 @admin {n}") for n in range(3))
    entry = {"state": "active", "owners": ["user:[skip ci] #1"], "grants": {}, "keys": {}}
    found = [ExistingWorkspace(name, {"adopt": True}, notes) for name in ("pay", "ops")]
    ledger = read_ledger({"pay": entry, "ops": entry})
    text = message(summarize(found, ledger, BUILT_IN, NOW), "dev", ["Checked"], ["'x' [ci skip]"] * 60)
    assert text.startswith(
        "Adopt 2 workspaces into stack dev\n\nFound: 2 workspaces, 2 owners, 0 grants, 0 keys.\nChecked\n"
    )
    assert "- otherRole: 6 (see the comments in the entries)\n" in text
    assert not {"[", "#", "@"} & {*text}
    assert "- and 10 more\n" in text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--dry-run", "--branch", "x"], "--dry-run writes none"),
        (["--check", "--branch", "x"], "--check writes none"),
        (["--check", "--overwrite"], "leave --overwrite out"),
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


def test_a_branch_needs_a_repository(project: Project) -> None:
    with pytest.raises(AmbientError, match="no Git repository"):
        branch.require_free(project.folder, "adopt")

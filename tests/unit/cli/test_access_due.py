"""`ambient access --due`: what is due by its reviewers, and a branch for each of them."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from tests.support.projects import write_project

PROD = """\
defaults: {reviewers: [group:platform]}
templates: {team: {grants: [{group: sre}]}}
workspaces:
  payments:
    reviewers: [group:leads]
    grants:
      - {user: bob, role: edit, reviewBy: 2026-11-01, reason: on call}
      # she pays
      - {user: eve, reviewBy: 2026-12-20}
    keys:
      ci:
        role: view
  search:
    template: team
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 12, 1, 12, tzinfo=UTC))
    write_project(tmp_path, {"stacks/prod.yaml": PROD})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(*arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout


def test_what_is_due_is_listed_by_its_reviewers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["access", "prod", "--due"]) == 2
    assert capsys.readouterr().out.splitlines() == [
        "group:leads",
        "  place                  workspace  subject   role  due               reason",
        "  stacks/prod.yaml:7:9   payments   user:bob  edit  after 2026-11-01  on call",
        "  stacks/prod.yaml:11:7  payments   key:ci    view  never reviewed",
        "group:platform",
        "  place                  workspace  subject    role  due             reason",
        "  stacks/prod.yaml:2:29  search     group:sre  view  never reviewed",
    ]
    assert run(["access", "prod", "payments", "--due", "--within", "30d", "--format", "json"]) == 2
    rows = json.loads(capsys.readouterr().out)["due"]
    assert [(row["subject"], row["reviewBy"], row["line"]) for row in rows] == [
        ("user:bob", "2026-11-01", 7),
        ("user:eve", "2026-12-20", 9),
        ("key:ci", None, 11),
    ]
    assert rows[0]["reviewers"] == ["group:leads"]


def test_nothing_due_is_no_finding(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["access", "prod", "--due", "--subject", "user:eve"]) == 0
    assert capsys.readouterr().out == "No review of prod is due\n"
    assert run(["access", "prod", "--within", "3d"]) == 64
    assert run(["access", "prod", "--due", "--format", "csv"]) == 64


def test_a_branch_for_each_set_of_reviewers_has_the_lines_to_keep(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "x")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "x@example.com")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "Begin")
    assert run(["access", "prod", "--due", "--branch"]) == 2
    branch = "reviews/prod/group-leads-2026-12-01"
    assert capsys.readouterr().err.splitlines() == [
        f"{branch}: 2 lines for group:leads",
        "1 line of defaults or templates left out: review them by hand",
    ]
    kept = PROD.replace("2026-11-01", "2027-05-30").replace(
        "role: view\n", "role: view\n        reviewBy: 2027-12-01\n"
    )
    assert git("show", f"{branch}:stacks/prod.yaml") == kept
    assert git("diff", "--stat", "main", branch).count("|") == 1
    assert git("status", "--porcelain") == ""
    assert git("branch", "--format", "%(refname:short)").split() == ["main", branch]
    (project / "stacks/prod.yaml").write_text(PROD + "# more\n", encoding="utf-8")
    assert run(["access", "prod", "--due", "--branch"]) == 1
    assert "differs from the last commit" in capsys.readouterr().err

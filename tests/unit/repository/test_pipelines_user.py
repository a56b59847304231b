"""The jobs that start a session without a key: they have no other right, and are printed as they are."""

import re
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.documentation import with_pages
from ambient_components.output import USAGE
from tests.support.pipelines import USER_GITHUB, USER_GITLAB, read


@pytest.mark.parametrize(("forge", "file"), [("github", USER_GITHUB), ("gitlab", USER_GITLAB)])
def test_the_job_is_printed_without_a_project(
    forge: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["pipeline", forge, "--as-user"]) == 0
    printed = capsys.readouterr().out
    assert "AMBIENT_DOCS" not in printed
    assert printed == with_pages(file.read_text())
    assert not any(tmp_path.iterdir())
    assert run(["pipeline", forge, "--as-user", "--fleet", "prod"]) == USAGE


def test_github_lets_the_job_get_a_token_and_nothing_else() -> None:
    content = read(USER_GITHUB)
    (job,) = content["jobs"].values()
    assert content["permissions"] == {}
    assert job["permissions"] == {"id-token": "write"}
    assert "pull_request" not in content["on"]
    assert [list(step) for step in job["steps"]] == [["shell", "run"]]


def test_no_variable_of_a_pipeline_says_where_gitlab_sends_the_token() -> None:
    job = read(USER_GITLAB)["session"]
    assert "variables" not in job
    assert [rule["if"].split(" && ")[1:] for rule in job["rules"]] == [['$CI_PIPELINE_SOURCE == "push"']]
    assert re.findall(r"\$\{?(\w+)", job["script"][0]) == ["AMBIENT_TOKEN"]

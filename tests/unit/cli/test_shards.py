"""`ambient shards`: what each reader of it gets, to the byte, and what the pipelines of a fleet make of it."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ambient_components.cli import app
from ambient_components.cli import shards as command
from ambient_components.cli.shards import GITHUB_MOST, GITLAB_INCLUDE, GITLAB_MOST, Shard, github, gitlab
from ambient_components.cli.templates import FOLDER
from ambient_components.engine.command import Answer
from ambient_components.errors import AmbientError, fail
from ambient_components.stacks import pulumi
from tests.support.commands import commands, complaint
from tests.support.pipelines import FLEET_GITHUB as GITHUB
from tests.support.pipelines import FLEET_GITLAB as GITLAB
from tests.support.pipelines import FLEET_SHARD as SHARD
from tests.support.pipelines import read
from tests.support.projects import write_project

CONFIG_FILE = "stacks/Pulumi.prod.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    stack, config = "workspaces:\n  aa: {}\n  bb: {shard: 1}\n  cc: {shard: 1}\n", 'config:\n  ours:shards: "3"\n'
    return write_project(tmp_path, {"stacks/prod.yaml": stack, CONFIG_FILE: config}, "ours")


class Backend:
    """Answers `pulumi stack ls`, or nothing at all."""

    def __init__(self, *_: object) -> None:
        pass

    def attempt(self, *arguments: str) -> Answer:
        assert arguments == ("stack", "ls", "--json")
        return Answer(0, json.dumps([{"name": "prod-01", "lastUpdate": "t", "resourceCount": 21}]), "")


class Nobody(Backend):
    def attempt(self, *_: str) -> Answer:
        return fail(None, "", "there is no `pulumi` on PATH")


def shown(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert app.run(["shards", *words]) == code
    reported = capsys.readouterr()
    return reported.out if code == 0 else reported.err


def test_text(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(pulumi, "PulumiEngine", Backend)
    assert shown(capsys, "prod") == (
        "SHARD    STACK    WORKSPACES  RESOURCES\n"
        "prod-00  prod-00  0           -\n"
        "prod-01  prod-01  2           21\n"
        "prod-02  prod-02  1           -\n"
    )


def test_json_without_a_back_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pulumi, "PulumiEngine", Nobody)
    shards = json.loads(shown(capsys, "acme/prod", "--format", "json"))["shards"]
    assert shards[1] == {
        "shard": "prod-01", "stack": "acme/prod-01", "configFile": CONFIG_FILE, "workspaces": ["bb", "cc"],
        "resources": None,
    }  # fmt: skip


def test_github(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "prod", "--format", "github")
    assert text == (
        '{"include":[{"shard":"prod-00","stack":"prod-00","config-file":"stacks/Pulumi.prod.yaml","workspaces":0},'
        '{"shard":"prod-01","stack":"prod-01","config-file":"stacks/Pulumi.prod.yaml","workspaces":2},'
        '{"shard":"prod-02","stack":"prod-02","config-file":"stacks/Pulumi.prod.yaml","workspaces":1}]}\n'
    )


def test_gitlab(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "prod", "--format", "gitlab") == (
        "include:\n"
        "- local: /.gitlab/shard.yaml\n"
        "shard:\n"
        "  extends: .shard\n"
        "  resource_group: $STACK\n"
        "  parallel:\n"
        "    matrix:\n"
        "    - CONFIG_FILE: stacks/Pulumi.prod.yaml\n"
        "      STACK:\n"
        "      - prod-00\n"
        "      - prod-01\n"
        "      - prod-02\n"
    )


def test_what_up_would_skip_is_left_out_if_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ask_states", lambda fleet: fleet.count)
    monkeypatch.setattr(
        command, "decide", lambda fleet, requested, loaded: SimpleNamespace(up_to_date=(0, requested - 1))
    )
    include = json.loads(shown(capsys, "prod", "--format", "github", "--only-changed"))["include"]
    assert [row["stack"] for row in include] == ["prod-01"]


def test_wrong_questions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / CONFIG_FILE).write_text('config:\n  ours:shards: "1"\n')
    assert "there is no shard 1" in shown(capsys, "prod", "--format", "github", code=1)
    (folder / CONFIG_FILE).write_text("config: {}\n")
    assert "ambient reshard prod --shards N" in shown(capsys, "prod", code=1)


def test_fleets_of_several_clusters_are_listed_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stacks/all.yaml").write_text("stacks: [prod, dev]\n")
    (folder / "stacks/dev.yaml").write_text("workspaces: {dd: {}}\n")
    (folder / "stacks/Pulumi.dev.yaml").write_text('config:\n  ours:shards: "1"\n')
    include = json.loads(shown(capsys, "all", "--format", "github"))["include"]
    assert [row["stack"] for row in include] == ["prod-00", "prod-01", "prod-02", "dev-00"]
    matrix = yaml.safe_load(shown(capsys, "all", "--format", "gitlab"))["shard"]["parallel"]["matrix"]
    assert [row["CONFIG_FILE"] for row in matrix] == ["stacks/Pulumi.dev.yaml", CONFIG_FILE]


def test_more_shards_than_a_matrix_has_jobs_are_refused() -> None:
    many = [Shard(f"prod-{number:02d}", f"prod-{number:02d}", CONFIG_FILE, ()) for number in range(GITHUB_MOST + 1)]
    for form, most in ((github, GITHUB_MOST), (gitlab, GITLAB_MOST)):
        form(many[:most])
        with pytest.raises(AmbientError):
            form(many[: most + 1])


# The pipelines that run it.


def scripts() -> dict[Path, list[str]]:
    """Each script of the three files."""
    on_github = [step["run"] for job in read(GITHUB)["jobs"].values() for step in job["steps"] if "run" in step]
    on_gitlab = {
        path: ["\n".join([*job.get("before_script", []), *job.get("script", [])])
               for job in read(path).values() if isinstance(job, dict)]
        for path in (GITLAB, SHARD)
    }  # fmt: skip
    return {GITHUB: on_github, **on_gitlab}


@pytest.mark.parametrize("path", [GITHUB, GITLAB, SHARD], ids=lambda path: path.name)
def test_every_command_of_a_fleets_pipeline_exists(path: Path) -> None:
    found = [words for script in scripts()[path] for words in commands(script.replace("$(", "\n").replace(")", "\n"))]
    assert found
    assert [problem for words in found if (problem := complaint(words))] == []
    for script in scripts()[path]:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_a_failed_shard_holds_back_no_other_and_none_runs_twice_at_once() -> None:
    content = read(GITHUB)
    deploy = content["jobs"]["deploy"]
    assert deploy["strategy"]["fail-fast"] is False
    assert deploy["strategy"]["matrix"] == "${{ fromJSON(needs.shards.outputs.matrix) }}"
    assert deploy["concurrency"] == {"group": "deploy-${{ matrix.shard }}", "cancel-in-progress": False}
    assert content["jobs"]["shards"]["permissions"] == {"contents": "read"}
    assert "secrets" not in json.dumps(content["jobs"]["shards"])
    for variables in (content["env"], read(SHARD)["variables"]):
        assert variables["PULUMI_CONTINUE_ON_ERROR"] == "true"
    assert read(GITLAB)["fleet"]["trigger"]["strategy"] == "depend"
    for path in (GITHUB, SHARD):
        assert "--show-secrets" not in path.read_text(encoding="utf-8")


def test_at_night_nobody_is_asked_and_keys_that_need_attention_fail_the_run() -> None:
    every = read(GITHUB)["jobs"]
    night = "${{ github.event_name == 'schedule' && 'prod-nightly' || 'prod' }}"
    assert every["deploy"]["environment"] == night
    # After each run, also a push: a report that waits for no approval, and that no failed shard leaves out.
    assert (every["unmanaged"]["environment"], every["unmanaged"]["if"]) == ("prod-nightly", "${{ !cancelled() }}")
    assert read(GITLAB)["unmanaged"]["when"] == "always"
    assert "rules" not in read(GITLAB)["unmanaged"]
    last = every["deploy"]["steps"][-1]
    assert (last["if"], last["run"]) == (
        "${{ !cancelled() && github.event_name != 'push' }}",
        '.venv/bin/ambient keys list "$STACK"',
    )
    assert read(GITLAB)["fleet"]["variables"] == {"SOURCE": "$CI_PIPELINE_SOURCE"}
    assert read(SHARD)[".shard"]["script"][-2:] == [
        f'if [ "$SOURCE" != push ]; then {last["run"]} || failed=1; fi',
        'exit "$failed"',
    ]


def test_the_matrix_has_what_the_jobs_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = json.loads(shown(capsys, "prod", "--format", "github"))["include"][0]
    text = GITHUB.read_text(encoding="utf-8")
    used = {word.split("}")[0].split(",")[0].split()[0].strip(")") for word in text.split("matrix.")[1:]}
    assert used <= set(one)
    child = yaml.safe_load(shown(capsys, "prod", "--format", "gitlab"))
    assert FOLDER / f"gitlab-fleet{GITLAB_INCLUDE}" == SHARD
    job = read(SHARD)[child["shard"]["extends"]]
    assert all(f"${name}" in json.dumps(job) for name in child["shard"]["parallel"]["matrix"][0])

"""The pipelines that teams copy, and the pages about them: what they run exists, and what must not be given is not.

Nothing here runs on GitHub or GitLab. What can be run without them is run: the scripts' syntax by bash, the comment on
a pull request with a stand-in for `gh`, the commands of a page that need no cluster. Pins and linters are in
test_pipelines_pinned.py.
"""

import base64
import json
import os
import re
import shlex
import subprocess
from collections.abc import Hashable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from ambient_components.rules.lifetimes import Policy, misfit
from ambient_components.stackfile.loader import load_stack
from tests.support.commands import PULUMI as TRIED
from tests.support.commands import verb_of

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/payments"
GITHUB = EXAMPLE / ".github/workflows/workspaces.yaml"
GITLAB = EXAMPLE / ".gitlab-ci.yml"
PAGES = [ROOT / "docs/pipeline.md", ROOT / "docs/leaked-key.md"]
STAGES = ["dev", "stage", "prod"]
"""In the order in which they are deployed."""

PREVIEWS = [f"preview-{stage}" for stage in STAGES]

PULUMI = {**TRIED, "login": {"--oidc-token", "--oidc-org"}, "cancel": {"--stack"}}
"""The flags that may be used; what is added here was read off `--help` of the version that the pipelines pin."""

_BEFORE_A_COMMAND = {"if", "!", "then", "else", "do", "{"}
_OPERATORS = ";|&<>()"
_EXAMPLE = re.compile(r"^( *)# (- |  )", re.MULTILINE)
"""How a line of an example begins that is commented out; prose has one space after its sign."""


class _Strict(yaml.SafeLoader):
    """A key that is there twice is an error; only true and false are booleans, so `on` is text as GitHub reads it."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"there twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


_Strict.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), ["t", "f"])


def read(path: Path, *, with_examples: bool = False) -> dict[str, Any]:
    """A pipeline; with what is commented out in it, if asked for."""
    text = path.read_text(encoding="utf-8")
    if with_examples:
        text = _EXAMPLE.sub(r"\1\2", text)
    content: dict[str, Any] = yaml.load(text, _Strict)  # noqa: S506
    return content


def jobs(path: Path, *, with_examples: bool = False) -> dict[str, dict[str, Any]]:
    """The jobs by name; those of GitLab laid over what they extend: mappings are merged, all else is replaced."""
    content = read(path, with_examples=with_examples)
    if path == GITHUB:
        found: dict[str, dict[str, Any]] = content["jobs"]
        return found

    def whole(job: dict[str, Any]) -> dict[str, Any]:
        under = whole(content[job["extends"]]) if "extends" in job else {}
        return under | {
            key: under[key] | value if isinstance(value, dict) and key in under else value for key, value in job.items()
        }

    complete = {name: whole(job) for name, job in content.items() if isinstance(job, dict) and "stage" in whole(job)}
    return {name: job for name, job in complete.items() if not name.startswith(".")}


def scripts(path: Path) -> list[str]:
    """Each script of a pipeline, examples included."""
    found = []
    for job in jobs(path, with_examples=True).values():
        found += [step["run"] for step in job.get("steps", []) if "run" in step]
        if "script" in job:
            found.append("\n".join([*job.get("before_script", []), *job["script"]]))
    return found


def blocks(page: Path) -> list[str]:
    return re.findall(r"^ *```sh\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(script: str) -> Iterator[list[str]]:
    """Each call of `ambient` or `pulumi` in a script."""
    plain = re.sub(r"(^|\s)#.*$", "", script.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(plain.replace("\n", " ; "), posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for token in [*lexer, ";"]:
        if set(token) <= set(_OPERATORS):
            while words and words[0] in _BEFORE_A_COMMAND:
                words = words[1:]
            if words and Path(words[0]).name in {"ambient", "pulumi"}:
                # `2>&1`: the number before it is no argument.
                yield [Path(words[0]).name, *(words[1:-1] if ">" in token and words[-1].isdigit() else words[1:])]
            words = []
        else:
            words.append(token)


def complaint(words: list[str]) -> str:
    """What is wrong with a call; empty if it could be run."""
    program, *rest = words
    if program == "pulumi":
        known = next((flags for verb, flags in PULUMI.items() if rest[: len(verb.split())] == verb.split()), None)
        used = {word.partition("=")[0] for word in rest if word.startswith("-")}
        return "" if known is not None and used <= known else f"not among what is tested: {shlex.join(words)}"
    command, rest = verb_of(rest)
    if command is None:
        return f"ambient has no such verb: {shlex.join(words)}"
    try:
        command.make_context("ambient", rest)
    except Exception as error:  # of Typer's own Click, or of the one that is installed
        return f"{shlex.join(words)}: {error}"
    return ""


def github_triggers() -> dict[str, Any]:
    triggers: dict[str, Any] = read(GITHUB)["on"]
    return triggers


# The tools of this test.


def test_yaml_is_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("on: {a: true, b: 'no', c: no}\n", encoding="utf-8")
    assert read(file) == {"on": {"a": True, "b": "no", "c": "no"}}
    file.write_text("a: 1\nb: {c: 1, c: 2}\n", encoding="utf-8")
    with pytest.raises(yaml.constructor.ConstructorError):
        read(file)


def test_commands_are_found_and_judged() -> None:
    script = (
        "if ! .venv/bin/ambient show \"$S\"; then echo 'ambient no'; fi  # it's so\n"
        'pulumi preview --stack "a; b" \\\n  --diff 2>&1 | tee x\nfalse || pulumi up --yes > y'
    )
    found = list(commands(script))
    assert found == [
        ["ambient", "show", "$S"],
        ["pulumi", "preview", "--stack", "a; b", "--diff"],
        ["pulumi", "up", "--yes"],
    ]
    assert [complaint(words) for words in found] == ["", "", ""]
    wrong = [
        "ambient plans",
        "ambient show --colour",
        "ambient validate --format xml",
        "pulumi destroy",
        "pulumi up -f",
    ]
    assert all(complaint(line.split()) for line in wrong)


# Both pipelines.


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_every_command_of_a_pipeline_exists(path: Path) -> None:
    found = [words for script in scripts(path) for words in commands(script)]
    wanted = {"ambient validate", "ambient keys list", "ambient keys deliver", "ambient plan", "pulumi up"}
    assert [text for text in sorted(wanted) if not any(shlex.join(words).startswith(text) for words in found)] == []
    assert [problem for words in found if (problem := complaint(words))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    # `ambient keys list` in a sentence is a name: only what has arguments is a call.
    quoted = [" ".join(code.split()) for code in re.findall(r"`((?:ambient|pulumi) [^`]+)`", prose)]
    inline = [code for code in quoted if re.search(r"[A-Z]{3}|prod\b", code)]
    assert inline
    found = [words for script in [*blocks(page), *inline] for words in commands(script)]
    assert [problem for words in found if (problem := complaint(words))] == []


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_no_key_reaches_a_log_and_no_failure_holds_back_a_revocation(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "--show-secrets" not in text
    assert "keys show" not in text
    content = read(path)
    assert content["env" if path == GITHUB else "variables"]["PULUMI_CONTINUE_ON_ERROR"] == "true"
    assert not re.search(r"^ +PULUMI_CONTINUE_ON_ERROR: (?!\"true\"$)", text, re.MULTILINE)
    assert [shlex.join(words) for script in scripts(path) for words in commands(script) if "--target" in words] == []


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_every_script_is_one_for_bash(path: Path) -> None:
    for script in scripts(path):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_what_changes_a_stack_refreshes_it_and_what_previews_it_does_the_same(path: Path) -> None:
    found = [words for script in scripts(path) for words in commands(script) if words[0] == "pulumi"]
    assert {words[1] for words in found} <= {"preview", "up", "login"}
    assert all("--refresh" in words and "--non-interactive" in words for words in found if words[1] != "login")


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_a_pipeline_serves_both_kinds_of_state_by_variables_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"PULUMI_BACKEND_URL(: \$\{\{ vars\.STATE \}\}|=\"\$STATE\")", text)
    assert "ORGANIZATION" in text
    # A stack of Pulumi Cloud has its organisation before its name: no command names a stage itself.
    found = [words for script in scripts(path) for words in commands(script)]
    assert {word for words in found for word in words if word in STAGES} == set()


def test_the_stages_are_the_examples() -> None:
    assert sorted(STAGES) == sorted(path.stem for path in EXAMPLE.glob("stacks/*.yaml"))


# GitHub.


def test_github_runs_on_requests_pushes_and_every_night() -> None:
    triggers = github_triggers()
    assert set(triggers) == {"pull_request", "push", "schedule", "workflow_dispatch"}
    assert triggers["push"] == {"branches": ["main"]}
    (schedule,) = triggers["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])


def test_github_gives_each_job_what_it_needs() -> None:
    every = jobs(GITHUB)
    assert read(GITHUB)["permissions"] == {}
    assert {name: job["permissions"] for name, job in every.items()} == {
        "validate": {"contents": "read"},
        **{name: {"contents": "read", "id-token": "write"} for name in (*PREVIEWS, "deploy")},
        "no-preview": {},
        "comment": {"pull-requests": "write"},
    }
    assert {name for name, job in every.items() if "environment" in job} == {*PREVIEWS, "deploy"}
    assert {name for name, job in every.items() if "secrets." in json.dumps(job)} == {"deploy"}
    # What writes into the pull request runs nothing of it.
    assert {step["uses"].partition("@")[0] for step in every["comment"]["steps"] if "uses" in step} == {
        "actions/download-artifact"
    }
    assert [name for name, job in every.items() if "python -m venv" in json.dumps(job)] == [
        "validate",
        *PREVIEWS,
        "deploy",
    ]


def test_github_takes_a_stages_page_from_the_job_of_that_stage_alone() -> None:
    """14: A preview cannot upload the page of another stage."""
    every = jobs(GITHUB)
    for stage in STAGES:
        job = every[f"preview-{stage}"]
        assert (job["env"], job["environment"]) == ({"STAGE": stage}, f"{stage}-preview")
        assert job["outputs"] == {"page": "${{ steps.page.outputs.artifact-id }}"}
        assert job["concurrency"]["group"].startswith(f"preview-{stage}-")
        assert "strategy" not in job
        (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert (upload["id"], upload["with"]["name"]) == ("page", "preview-${{ env.STAGE }}")
    downloads = [step for step in every["comment"]["steps"] if "uses" in step]
    assert [(step["if"], step["with"]) for step in downloads] == [
        (
            f"needs.preview-{stage}.outputs.page",
            {"artifact-ids": f"${{{{ needs.preview-{stage}.outputs.page }}}}", "path": f"previews/{stage}"},
        )
        for stage in STAGES
    ]


def test_github_gives_forks_nothing_and_says_why() -> None:
    every = jobs(GITHUB)
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    assert all(own in every[name]["if"] for name in PREVIEWS)
    assert own.replace("==", "!=") in every["no-preview"]["if"]
    assert "A fork gets no credential" in every["no-preview"]["steps"][0]["run"]
    assert every["comment"]["needs"] == PREVIEWS
    assert "!contains(needs.*.result, 'skipped')" in every["comment"]["if"]
    assert "github.event_name != 'pull_request'" in every["deploy"]["if"]


def test_github_lets_a_person_start_prod_and_nobody_at_night() -> None:
    deploy = jobs(GITHUB)["deploy"]
    assert deploy["environment"] == (
        "${{ matrix.stage }}${{ matrix.stage == 'prod' && github.event_name == 'schedule' && '-nightly' || '' }}"
    )
    assert deploy["strategy"]["matrix"]["stage"] == STAGES
    assert deploy["strategy"]["max-parallel"] == 1
    assert deploy["strategy"]["fail-fast"] == "${{ github.event_name == 'push' }}"


def test_github_runs_one_update_of_a_stack_at_a_time_and_cuts_none_off() -> None:
    every = jobs(GITHUB)
    assert every["deploy"]["concurrency"] == {"group": "deploy-${{ matrix.stage }}", "cancel-in-progress": False}
    assert "timeout-minutes" not in every["deploy"]
    assert "concurrency" not in read(GITHUB)
    updating = [name for name, job in every.items() if "pulumi up" in json.dumps(job)]
    assert updating == ["deploy"]


def test_github_says_in_the_morning_what_wants_a_person() -> None:
    steps = jobs(GITHUB)["deploy"]["steps"]
    red, warning = [step for step in steps if "keys list" in step.get("run", "")]
    for step in (red, warning):
        assert step["if"] == "${{ !cancelled() && github.event_name != 'push' }}"
        assert "continue-on-error" not in step
    assert red["run"] == '.venv/bin/ambient keys list "$STACK"'
    assert warning["run"].startswith("if ! ")
    assert "::warning" in warning["run"]


def test_github_prepares_previews_and_deployments_alike() -> None:
    every = jobs(GITHUB)

    def preparation(name: str) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = every[name]["steps"]
        runs = ("pulumi up ", "ambient plan ")
        first = next(i for i, step in enumerate(steps) if any(one in step.get("run", "") for one in runs))
        return steps[:first]

    assert [name for name in PREVIEWS if preparation(name) != preparation("deploy")] == []
    (plan,) = [step for step in every["preview-dev"]["steps"] if "ambient plan" in step.get("run", "")]
    stack = every["deploy"]["env"]["STACK"].replace("matrix.stage", "env.STAGE")
    assert plan["env"] == {"STACK": stack, "PULUMI_BACKEND_URL": every["deploy"]["env"]["PULUMI_BACKEND_URL"]}


def test_nothing_of_a_pull_request_is_put_into_a_script() -> None:
    assert [script for script in scripts(GITHUB) if "${{" in script] == []
    assert "pull_request_target" not in GITHUB.read_text(encoding="utf-8")


def run_bash(script: str, folder: Path, programs: dict[str, str], **environ: str) -> subprocess.CompletedProcess[str]:
    """A script as GitHub's runner starts it, with stand-ins first on PATH."""
    bin_ = folder / "bin"
    bin_.mkdir(exist_ok=True)
    for name, text in programs.items():
        (bin_ / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        (bin_ / name).chmod(0o755)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{bin_}:{os.environ['PATH']}", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("code", "is_red"), [(0, False), (2, False), (3, True), (1, True)])
def test_a_plan_is_shown_and_red_only_where_it_is_refused_or_fails(code: int, is_red: bool, tmp_path: Path) -> None:
    script = next(step["run"] for step in jobs(GITHUB)["preview-dev"]["steps"] if "ambient plan" in step.get("run", ""))
    summary = tmp_path / "summary"
    stand_in = {"ambient": f'echo "$@"; exit {code}'}
    environ = {"STACK": "acme/dev", "RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary)}
    done = run_bash(script.replace(".venv/bin/", ""), tmp_path, stand_in, **environ)
    assert (done.returncode != 0) is is_red
    page = "plan acme/dev --refresh --limit 20000 --format markdown\n"
    assert (tmp_path / "plan.md").read_text(encoding="utf-8") == done.stdout == summary.read_text() == page


@pytest.mark.parametrize(("code", "is_red"), [(0, False), (2, False), (3, True), (1, True)])
def test_gitlab_shows_a_plan_and_is_red_only_where_it_is_refused_or_fails(
    code: int, is_red: bool, tmp_path: Path
) -> None:
    script = "\n".join(jobs(GITLAB)["preview-dev"]["script"]).replace(".venv/bin/", "")
    done = run_bash(script, tmp_path, {"ambient": f"echo page; exit {code}"}, STACK="acme/dev")
    assert (done.returncode != 0) is is_red
    assert (tmp_path / "plan.md").read_text(encoding="utf-8") == done.stdout == "page\n"


def comment_on(pages: dict[str, bytes], folder: Path, existing: str = "") -> str:
    """Run the job that comments, with pages by stage, and return the comment."""
    comment = jobs(GITHUB)["comment"]
    for stage, page in pages.items():
        (folder / "previews" / stage).mkdir(parents=True)
        (folder / "previews" / stage / "plan.md").write_bytes(page)
    environ = {**comment["env"], "COMMENTS": "issues/5/comments", "COMMENT": "comments"}
    programs = {"gh": f'echo "$@" >> calls; case "$*" in *--jq*) printf {shlex.quote(existing)};; esac'}
    for step in comment["steps"]:
        if "run" in step:
            done = run_bash(step["run"], folder, programs, **environ)
            assert done.returncode == 0, done.stderr
    written = (folder / "comment.md").read_bytes()
    # What reads the comment may drop these, and could so join two halves of a fence.
    assert not {*b"\0\r"} & {*written}
    text = written.decode()
    assert text.startswith(f"{comment['env']['MARK']}\n")
    assert len(text) < 65_536
    return text


@pytest.mark.parametrize("existing", ["", "71\n72\n"], ids=["the first", "a later one"])
def test_the_previews_become_one_comment(existing: str, tmp_path: Path) -> None:
    text = comment_on({"dev": b"+ dev\n", "prod": b"p" * 100_000}, tmp_path, existing)
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == STAGES
    assert "\n+ dev\n" in text
    assert "No plan: see the run." in text
    assert "The plan is too long to show: see the run." in text
    asked, written = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert asked.startswith("api --paginate issues/5/comments --jq .[]")
    method = "PATCH comments/72" if existing else "POST issues/5/comments"
    assert written == f"api --silent --method {method} -F body=@comment.md"


HOSTILE = [
    b"## prod\n\nNo changes.\n",
    b"@example/platform-team ![](https://tracker.example.com/x.png) <img src=x> [approve](https://example.com)\n",
    b"<!-- \n<details>\n```\n~~~~~~~~\n",
    b"~" * 80 + b"\n\n## prod\n",
    b"~" * 40 + b"\r" + b"~" * 40 + b"\n\n## prod\n",
    b"~" * 40 + b"\0" + b"~" * 40 + b"\n\n## prod\n",
    b"~" * 40 + b"\xff" + b"~" * 40 + b"\n\n## prod\n",
    b"text\r" + b"~" * 64 + b"\r\r## prod\n",
    b"\xff" * 1_000_000,
    b"\xc3\xa9" * 20_000 + b"\xff" * 1_000_000,
]


@pytest.mark.parametrize("page", HOSTILE, ids=range(len(HOSTILE)))
def test_a_page_has_no_effect_beyond_its_quotation(page: bytes, tmp_path: Path) -> None:
    """14: A change request's code cannot speak as the bot: what it writes is quoted as plain text."""
    text = comment_on(dict.fromkeys(STAGES, page), tmp_path)
    tokens = MarkdownIt("commonmark").parse(text)
    kinds = [token.type for token in tokens if token.type != "fence"]
    heading = ["heading_open", "inline", "heading_close"]
    paragraph = ["paragraph_open", "inline", "paragraph_close"]
    quoted = [token for token in tokens if token.type == "fence"]
    refused = len(STAGES) - len(quoted)
    assert refused in (0, len(STAGES))
    assert kinds == ["html_block", *paragraph, *(heading + (paragraph if refused else [])) * len(STAGES)]
    headings = [following.content for token, following in pairwise(tokens) if token.type == "heading_open"]
    assert headings == STAGES


def test_a_page_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "previews/dev").mkdir(parents=True)
    (tmp_path / "secret").write_text("of the runner", encoding="utf-8")
    (tmp_path / "previews/dev/plan.md").symlink_to(tmp_path / "secret")
    assert "of the runner" not in comment_on({"prod": b"+ prod\n"}, tmp_path)


# GitLab.


def test_gitlab_runs_on_requests_on_the_default_branch_and_on_schedule() -> None:
    assert [rule["if"] for rule in read(GITLAB)["workflow"]["rules"]] == [
        '$CI_PIPELINE_SOURCE == "merge_request_event"',
        "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
    ]
    every = jobs(GITLAB)
    assert list(every) == [
        "validate",
        *(f"preview-{stage}" for stage in STAGES),
        "no-preview",
        *(f"deploy-{stage}" for stage in STAGES),
    ]
    for stage in STAGES:
        first, second = every[f"deploy-{stage}"]["rules"]
        assert 'schedule" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH' in first["if"]
        # At night one stage's failure is not another's.
        assert first["when"] == "always"
        assert second["if"] == "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
        assert second.get("when") == ("manual" if stage == "prod" else None)
    assert read(GITLAB)["stages"] == ["validate", "preview", *STAGES]


def test_gitlab_gives_forks_nothing_and_says_why() -> None:
    every = jobs(GITLAB)
    fork = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID != $CI_MERGE_REQUEST_PROJECT_ID"
    for stage in STAGES:
        never, request = every[f"preview-{stage}"]["rules"]
        assert never == {"if": fork, "when": "never"}
        # It runs the request's code: somebody looks first.
        assert request["when"] == "manual"
    assert every["no-preview"]["rules"] == [{"if": fork}]
    assert {name for name, job in every.items() if "id_tokens" in job} == {
        f"{verb}-{stage}" for verb in ("preview", "deploy") for stage in STAGES
    }
    assert {name for name, job in every.items() if "environment" not in job} == {"validate", "no-preview"}


def test_gitlab_keeps_the_environments_apart_and_runs_one_update_of_a_stack_at_a_time() -> None:
    every = jobs(GITLAB)
    for stage in STAGES:
        deploy, preview = every[f"deploy-{stage}"], every[f"preview-{stage}"]
        assert deploy["environment"] == {"name": stage}
        assert preview["environment"] == {"name": f"{stage}-preview", "action": "prepare"}
        assert deploy["dependencies"] == preview["dependencies"] == []
        assert deploy["variables"] == preview["variables"] == {"STAGE": stage}
        assert deploy["stage"] == deploy["resource_group"] == stage
        assert not deploy.get("interruptible")
        assert preview["artifacts"]["expose_as"] == f"plan of {stage}"
        assert preview["artifacts"]["when"] == "always"
    assert read(GITLAB)["default"]["interruptible"] is False


def test_gitlab_logs_in_to_pulumi_cloud_only_where_there_is_an_organisation(tmp_path: Path) -> None:
    """The preparation of a job, with stand-ins for all that it calls."""
    script = "\n".join(jobs(GITLAB)["deploy-dev"]["before_script"])
    script = script.replace(".venv/bin/pip", "pip") + '\necho "$STACK $PULUMI_BACKEND_URL $AWS_ROLE_ARN"'
    script += '\nstat -c %a "$AWS_WEB_IDENTITY_TOKEN_FILE"; cat "$AWS_WEB_IDENTITY_TOKEN_FILE"'
    programs = {name: f'echo {name} "$@" >> calls' for name in ("python", "pip", "aws", "pulumi")}
    given = {"STAGE": "dev", "STATE": "s3://bucket", "ROLE": "arn", "REGION": "r", "CLUSTER": "c"}
    tokens = {"CLOUD_TOKEN": "cloud", "PULUMI_TOKEN": "pulumi", "TMPDIR": str(tmp_path)}
    done = run_bash(script, tmp_path, programs, **given, **tokens)
    assert done.stdout == "dev s3://bucket arn\n600\ncloud"
    assert "pulumi" not in (tmp_path / "calls").read_text(encoding="utf-8")
    done = run_bash(script, tmp_path, programs, **given, **tokens, ORGANIZATION="acme")
    assert done.stdout.startswith("acme/dev ")
    called = (tmp_path / "calls").read_text(encoding="utf-8")
    assert re.search(r"^pulumi login --oidc-token file:///\S+ --oidc-org acme$", called, re.MULTILINE)


# The pages.


def test_a_token_is_read_where_it_is(tmp_path: Path) -> None:
    (script,) = [block for block in blocks(ROOT / "docs/leaked-key.md") if "read -rs TOKEN" in block]
    for name in ("ci", "c", "cid"):  # each a padding of its own
        claims = {"sub": f"system:serviceaccount:payments:{name}", "kubernetes.io": {"namespace": "payments"}}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        done = subprocess.run(
            ["bash", "-euc", script],
            input=f"header.{payload}.signature\n",
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == claims


def test_no_page_puts_a_token_into_the_arguments_of_a_program() -> None:
    lines = [line for page in PAGES for block in blocks(page) for line in block.splitlines()]
    assert [line for line in lines if "--token" in line] == []
    # `printf` is the shell's own: it has no arguments that others see.
    assert {line.split()[0] for line in lines if "$TOKEN" in line} == {"printf"}


def test_the_page_says_how_often_by_the_built_in_times() -> None:
    """The table of docs/pipeline.md against what a key gets that says nothing but its lifetime."""
    day, hour = 86400, 3600
    for life, notice, overlap, nights in [
        (365 * day, 14 * day, 7 * day, 14),
        (90 * day, 14 * day, 7 * day, 14),
        (30 * day, 7.5 * day, 3.75 * day, 7),
        (7 * day, 42 * hour, 21 * hour, 1),
        (day, 6 * hour, 3 * hour, 0),
    ]:
        policy = Policy.of(life)
        assert (policy.rotate_before, policy.overlap, policy.rotate_before // day) == (notice, overlap, nights)
        assert (misfit(Policy.of(life, run_every=day)) is None) == (nights > 0)
    assert Policy.of(7 * day, run_every=day).overlap == 18 * hour
    assert misfit(Policy.of(day, run_every=2 * hour)) is None


def test_the_variables_that_the_pipelines_want_are_on_the_page() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    wanted = set(re.findall(r"\bvars\.([A-Z]+)\b", json.dumps(read(GITHUB))))
    assert wanted == {"ORGANIZATION", "STATE", "ROLE", "REGION", "CLUSTER"}
    assert [name for name in sorted(wanted) if f"`{name}`" not in text or f"${name}" not in GITLAB.read_text()] == []
    environments = {*STAGES, *(f"{stage}-preview" for stage in STAGES), "prod-nightly"}
    assert [name for name in sorted(environments) if f"`{name}`" not in text] == []


def test_every_variable_that_a_stack_file_reads_is_given() -> None:
    """On GitLab by the environment's variables; on GitHub by the step."""
    wanted = {
        source.env
        for path in EXAMPLE.glob("stacks/*.yaml")
        for entry in load_stack(str(path)).file.workspaces.values()
        for source in [*entry.secrets.runner.values(), *entry.secrets.integrations.values()]
        if source.env
    }
    (update,) = [step for step in jobs(GITHUB)["deploy"]["steps"] if step.get("run", "").startswith("pulumi up")]
    assert {name: f"${{{{ secrets.{name} }}}}" for name in wanted} == update["env"]

"""The plan of a request: when it is red, and how it becomes one comment that has no effect but to be read."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.support.pipelines import GITHUB, STAGES, jobs, run_bash


@pytest.mark.parametrize(("code", "is_red"), [(0, False), (2, False), (3, True), (1, True)])
def test_a_plan_is_shown_and_red_only_where_it_is_refused_or_fails(code: int, is_red: bool, tmp_path: Path) -> None:
    script = next(step["run"] for step in jobs(GITHUB)["preview-dev"]["steps"] if "ambient plan" in step.get("run", ""))
    summary = tmp_path / "summary"
    stand_in = {"ambient": f'echo "$@"; exit {code}'}
    environ = {"STACK": "acme/dev", "RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary)}
    done = run_bash(script.replace(".venv/bin/", ""), tmp_path, stand_in, **environ)
    assert (done.returncode != 0) is is_red
    page = "plan acme/dev --refresh --without-secrets --limit 20000 --format markdown\n"
    assert (tmp_path / "plan.md").read_text(encoding="utf-8") == done.stdout == summary.read_text() == page


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
    requested, written = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert requested.startswith("api --paginate issues/5/comments --jq .[]")
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

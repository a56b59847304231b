"""The pipelines that teams copy, and the pages about them: what they run exists, and what must not be given is not.

Nothing here and in its neighbours runs on GitHub or GitLab. What can be run without them is run: the scripts' syntax
by bash, the comment on a pull request with a stand-in for `gh`, the commands of a page that need no cluster. Pins and
linters are in test_pipelines_pinned.py.
"""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.pipelines import (
    EXAMPLE,
    PAGES,
    PIPELINES,
    STAGES,
    blocks,
    commands,
    complaint,
    pipeline_id,
    read,
    scripts,
)

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


@pytest.mark.parametrize("path", PIPELINES, ids=pipeline_id)
def test_every_command_of_a_pipeline_exists(path: Path) -> None:
    found = [words for script in scripts(path) for words in commands(script)]
    desired = {"ambient validate", "ambient keys list", "ambient keys deliver", "ambient plan", "pulumi up"}
    desired |= {"ambient access"}
    assert [text for text in sorted(desired) if not any(shlex.join(words).startswith(text) for words in found)] == []
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


@pytest.mark.parametrize("path", PIPELINES, ids=pipeline_id)
def test_no_key_reaches_a_log_and_no_failure_holds_back_a_revocation(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "--show-secrets" not in text
    assert "keys show" not in text
    content = read(path)
    assert content["env" if path.suffix == ".yaml" else "variables"]["PULUMI_CONTINUE_ON_ERROR"] == "true"
    assert not re.search(r"^ +PULUMI_CONTINUE_ON_ERROR: (?!\"true\"$)", text, re.MULTILINE)
    assert [shlex.join(words) for script in scripts(path) for words in commands(script) if "--target" in words] == []


@pytest.mark.parametrize("path", PIPELINES, ids=pipeline_id)
def test_every_script_is_one_for_bash(path: Path) -> None:
    for script in scripts(path):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("path", PIPELINES, ids=pipeline_id)
def test_what_changes_a_stack_refreshes_it_and_what_previews_it_does_the_same(path: Path) -> None:
    found = [words for script in scripts(path) for words in commands(script) if words[0] == "pulumi"]
    assert {words[1] for words in found} <= {"preview", "up", "login"}
    assert all("--refresh" in words and "--non-interactive" in words for words in found if words[1] != "login")


@pytest.mark.parametrize("path", PIPELINES, ids=pipeline_id)
def test_a_pipeline_serves_both_kinds_of_state_by_variables_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"PULUMI_BACKEND_URL(: \$\{\{ vars\.STATE \}\}|=\"\$STATE\")", text)
    assert "ORGANIZATION" in text
    # A stack of Pulumi Cloud has its organisation before its name: no command names a stage itself.
    found = [words for script in scripts(path) for words in commands(script)]
    assert {word for words in found for word in words if word in STAGES} == set()


def test_the_stages_are_the_examples() -> None:
    assert sorted(STAGES) == sorted(path.stem for path in EXAMPLE.glob("stacks/*.yaml"))

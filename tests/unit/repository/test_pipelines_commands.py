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

from tests.support.commands import commands, complaint
from tests.support.pipelines import (
    PIPELINES,
    pipeline_id,
    read,
    scripts,
)


@pytest.mark.parametrize("path", PIPELINES, ids=pipeline_id)
def test_every_command_of_a_pipeline_exists(path: Path) -> None:
    found = [words for script in scripts(path) for words in commands(script)]
    desired = {"ambient validate", "ambient keys list", "ambient keys deliver", "ambient plan", "pulumi up"}
    desired |= {"ambient access"}
    assert [text for text in sorted(desired) if not any(shlex.join(words).startswith(text) for words in found)] == []
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

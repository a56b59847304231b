"""The command for a clean worktree, as a shell runs it in a project of a repository."""

import subprocess
from pathlib import Path

import pytest

from ambient_components.cli.edits.deployment import clean_worktree


@pytest.mark.parametrize("inner", ["", "deploy/our clusters"])
def test_a_clean_worktree_has_the_commit_and_the_environment(tmp_path: Path, inner: str) -> None:
    root = tmp_path / "repo"
    project = root / inner
    (project / "stacks").mkdir(parents=True)
    (project / ".venv").mkdir()
    (project / ".gitignore").write_text(".venv\n")
    file = project / "stacks" / "dev.yaml"
    file.write_text("committed\n")
    (project / "Pulumi.yaml").write_text("name: p\n")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "all")):
        subprocess.run(["git", *words], cwd=root, check=True)
    file.write_text("edited\n")

    head, command, branch = clean_worktree(project, "org/dev")
    assert "(HEAD)" in head
    assert "on a branch" in branch
    shown = subprocess.run(
        ["sh", "-c", f"{command} && cat stacks/dev.yaml && ls -d .venv && pwd"],
        cwd=project / "stacks", capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert shown[-3:] == ["committed", ".venv", str(tmp_path / "repo-dev" / inner)]
    assert clean_worktree(tmp_path, "dev") == []

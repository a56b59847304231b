"""Shell completion of stacks, workspaces and keys, as a shell asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ambient_components.cli import completion
from ambient_components.cli.app import run
from tests.support.projects import write_project

FILES = {
    "stacks/dev.yaml": "workspaces: {payments: {keys: {ci: {}}}, lab: {keys: {sync: {}}}}\n",
    "stacks/Pulumi.dev.yaml": "config: {}\n",
}
PROGRAM = "from ambient_components.cli import main; main()"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completed(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words. No program is on PATH, so no engine can be asked."""
    environ = {
        **os.environ,
        "PATH": "",
        "_AMBIENT_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("ambient", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("plan", "--stack", ""), ["dev"]),
        (("report", "lab", ""), ["payments", "lab"]),
        (("keys", "rotate", "dev", "pay"), ["payments/ci"]),
    ],
)
def test_names_of_the_files_are_offered(project: Path, words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(project, *words) == offered


LINES = (
    *(
        f"{verb} {words}"
        for verb in ("plan", "up", "refresh", "destroy")
        for words in ("", "d", "--stack ", "-s d", "--")
    ),
    *(
        f"{verb} {words}"
        for verb in ("show", "access", "report")
        for words in ("", "dev ", "dev l", "-s dev ", "dev -")
    ),
    *(f"{verb} dev -w p" for verb in ("access", "report", "grants list")),
    *(f"keys {verb} {words}" for verb in ("show", "deliver", "rotate", "revoke") for words in ("", "dev ", "dev pay")),
    *("keys ", "keys list ", "keys list d", "keys rotate dev --leaked p", "grants ", "grants list dev p"),
    *("grants revoke ", "grants revoke dev user:bob l", "reshard ", "reshard --shards 3 ", "shards d", "p", ""),
)


@pytest.mark.parametrize("line", LINES)
def test_a_stand_in_completes_what_its_verb_completes(
    project: Path, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"ambient {line}"
    monkeypatch.setenv("_AMBIENT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    run([])
    offered = capsys.readouterr().out
    monkeypatch.setattr("ambient_components.cli.completing.suffices", lambda _: False)
    run([])
    assert offered == capsys.readouterr().out != ""


def test_names_are_completed_without_the_imports_of_verbs(project: Path) -> None:
    for words in ("", "plan ", "keys show dev "):
        line = f"ambient {words}"
        environ = {"_AMBIENT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", PROGRAM],
            cwd=project, env={**os.environ, **environ}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout
        assert "ambient_components.model" not in done.stderr
        assert "pydantic" not in done.stderr


def test_a_misspelled_command_stops_no_completion(project: Path) -> None:
    assert "plan" in completed(project, "plna", "")


def test_the_first_word_may_belong_to_the_only_stack(project: Path) -> None:
    assert completion.stacks("") == ["dev"]
    assert completion.stacks_or_workspaces("") == ["dev", "payments", "lab"]
    assert completion.stacks_or_keys("") == ["dev", "payments/ci", "lab/sync"]


def test_several_stacks(project: Path) -> None:
    (project / "stacks/prod.yaml").write_text("workspaces: {web: {}}\n")
    (project / "stacks/Pulumi.prod.yaml").write_text("config: {}\n")
    assert completion.stacks_or_workspaces("") == ["dev", "prod"]
    assert completed(project, "show", "prod", "") == ["web"]


@pytest.mark.parametrize(
    "text", ["workspaces: [", "workspaces: 1\n", "- a\n", "\0", "include: [/, 1]\nworkspaces: {1: 2}\n"]
)
def test_broken_files_raise_nothing(project: Path, text: str) -> None:
    (project / "stacks/dev.yaml").write_text(text)
    assert completion.stacks("d") == ["dev"]
    assert completion.stacks_or_keys("p") == []


def test_outside_of_a_project_nothing_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert completion.stacks_or_workspaces("") == []

"""The passphrase of a stack: when it is needed, how it is asked for, and who gets it."""

import getpass
import os
import pty
import sys
from pathlib import Path

import pytest

from ambient_components.errors import AmbientError
from ambient_components.fleet.processes import carry_out
from ambient_components.stacks import pulumi as module
from ambient_components.stacks.project import Project
from ambient_components.stacks.pulumi import PulumiEngine, passphrase

VARIABLE = "PULUMI_CONFIG_PASSPHRASE"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:abc\n")
    (tmp_path / "Pulumi.cloud.yaml").write_text("secretsprovider: awskms://alias/x\nencryptedkey: abc\n")
    monkeypatch.setattr(module, "_typed", {})
    return Project.find(tmp_path)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a terminal answer, and return the questions."""
    questions: list[str] = []

    def answer(prompt: str, stream: object = None) -> str:
        questions.append(prompt)
        return "typed"

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", answer)
    return questions


@pytest.mark.parametrize("environ", [{VARIABLE: ""}, {VARIABLE: "x"}, {f"{VARIABLE}_FILE": "f"}])
def test_a_variable_answers(project: Project, environ: dict[str, str]) -> None:
    assert passphrase(project, "dev", environ) == {}


@pytest.mark.parametrize("stack", ["cloud", "new"])
def test_other_stacks_need_none(project: Project, stack: str) -> None:
    assert passphrase(project, stack, {}) == {}


def test_without_a_terminal_the_variables_are_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(AmbientError) as caught:
        passphrase(project, "dev", {})
    assert caught.value.problems[0].text == (
        "stack 'dev' is encrypted with a passphrase, and none is set\n"
        "  hint: set PULUMI_CONFIG_PASSPHRASE_FILE to a file that contains it, or PULUMI_CONFIG_PASSPHRASE"
    )


def test_a_terminal_is_asked_once(project: Project, terminal: list[str]) -> None:
    assert passphrase(project, "dev", {}) == passphrase(project, "dev", {}) == {VARIABLE: "typed"}
    assert terminal == ["Passphrase of stack dev: "]


def test_only_commands_that_decrypt_get_it(project: Project, terminal: list[str], tmp_path: Path) -> None:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "[${VARIABLE}]"\n')
    program.chmod(0o755)
    engine = PulumiEngine(tmp_path, {"PATH": f"{program.parent}:/usr/bin:/bin"})
    assert engine.run("stack", "export", "--stack", "dev") == "[]\n"
    assert terminal == []
    assert engine.run("preview", "--json", "--stack", "dev") == "[typed]\n"
    assert engine.run("stack", "output", "--show-secrets", "--stack", "dev") == "[typed]\n"
    assert VARIABLE not in os.environ
    assert len(terminal) == 1


def test_the_answer_is_not_echoed(project: Project) -> None:
    program = (
        "from ambient_components.stacks.project import Project;"
        "from ambient_components.stacks.pulumi import passphrase;"
        f"print(passphrase(Project.find(), 'dev', {{}})['{VARIABLE}'].upper())"
    )
    child, terminal_end = pty.fork()
    if child == 0:
        os.chdir(project.folder)
        os.execv(sys.executable, [sys.executable, "-c", program])  # noqa: S606  # our own program
    shown = b""
    while b"Passphrase" not in shown:
        shown += os.read(terminal_end, 1000)
    os.write(terminal_end, b"hidden\n")
    while b"HIDDEN" not in shown:
        shown += os.read(terminal_end, 1000)
    os.waitpid(child, 0)
    os.close(terminal_end)
    assert b"hidden" not in shown


def test_a_deployment_gets_what_was_typed(
    project: Project, terminal: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf %s "${VARIABLE}" > {tmp_path}/got\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.delenv(VARIABLE, raising=False)
    engine = PulumiEngine(project.folder, {"PATH": f"{program.parent}:/usr/bin:/bin"})
    ended = carry_out(engine, "up", "dev")
    assert ended.code == 1
    assert (tmp_path / "got").read_text() == "typed"
    log = Path(ended.log)
    assert "typed" not in log.read_text()
    log.unlink()
    assert len(terminal) == 1

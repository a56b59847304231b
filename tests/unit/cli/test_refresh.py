"""`ambient refresh` of one stack: what differs, the question, and the end of the run. With an engine that plays."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli import refresh
from ambient_components.cli.app import run
from ambient_components.errors import refusal
from ambient_components.problem_json import encode
from tests.support.fake_pulumi import FakePulumi, diagnostic, ended
from tests.support.planned import RBAC, make_project
from tests.support.plans import step

BOB, CAROL = "pay/grant/user:bob", "pay/grant/user:carol"
DIFFERENCES = f"  gone     {BOB}\n  changed  {CAROL}\n"
NEXT = "Next:\n  ambient plan prod  what the next run would change back\n  ambient up prod    change it back\n"


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    make_project(tmp_path, monkeypatch)
    found = FakePulumi(tmp_path, "prod")
    monkeypatch.setenv("PATH", f"{found.bin}:{os.environ['PATH']}")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    return found


def plays(*lines: Any, **more: Any) -> dict[str, Any]:
    """What the engine prints of a refresh that finds Bob's grant gone and Carol's changed."""
    differing = [ended("update", RBAC, CAROL), ended("delete", RBAC, BOB, old={}, new=None)]
    return {"lines": [*differing, ended("same", RBAC, "pay/x"), *lines], **more}


def previewed(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lines": [{"steps": [*steps, step("same", RBAC, "pay/x")], **more}]}


def answers(monkeypatch: pytest.MonkeyPatch, answer: bool) -> list[str]:
    requested: list[str] = []
    monkeypatch.setattr(refresh, "confirmed", lambda question: requested.append(question) or answer)
    return requested


def timeless(text: str) -> str:
    return re.sub(r"\d+\.\d s", "N s", text)


def flags(pulumi: FakePulumi) -> list[list[str]]:
    return [call["words"][1:3] for call in pulumi.calls("refresh") if "pid" in call]


def test_what_differs_is_shown_and_written_after_the_answer(
    pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requested = answers(monkeypatch, answer=True)
    pulumi.play({"prod": [previewed(step("update", RBAC, CAROL), step("delete", RBAC, BOB)), plays()]})
    assert run(["refresh", "prod"]) == 0
    assert requested == ["\nWrite this to the state of prod?"]
    assert timeless(capsys.readouterr().out) == (
        f"The cluster differs from the state of prod:\n{DIFFERENCES}"
        f"\nRefreshed the state of prod in N s: 2 differences written.\n{NEXT}"
    )
    assert flags(pulumi) == [["--preview-only", "--json"], ["--yes", "--skip-preview"]]


def test_without_the_answer_nothing_is_written(
    pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, answer=False)
    pulumi.play({"prod": [previewed(step("delete", RBAC, BOB))]})
    assert run(["refresh", "prod"]) == 1
    assert capsys.readouterr().err == "ambient: nothing is written\n"
    assert flags(pulumi) == [["--preview-only", "--json"]]


def test_without_differences_nothing_is_asked(
    pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requested = answers(monkeypatch, answer=True)
    pulumi.play({"prod": [previewed()]})
    assert run(["refresh", "prod"]) == 0
    assert requested == []
    assert capsys.readouterr().out == "The cluster matches the state of prod: there is nothing to refresh.\n"


@pytest.mark.parametrize("code", [0, 255])
def test_objects_that_cannot_be_read_are_an_error(
    pulumi: FakePulumi, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    failure = {"severity": "error", "message": encode(refusal("forbidden", "see who may list RoleBindings"))}
    pulumi.play({"prod": [previewed(diagnostics=[failure]) | {"code": code}]})
    assert run(["refresh", "prod"]) == 1
    assert capsys.readouterr().err == "ambient: forbidden\n  hint: see who may list RoleBindings\n"


def test_yes_refreshes_at_once(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.play({"prod": [plays()]})
    assert run(["refresh", "prod", "--yes"]) == 0
    assert timeless(capsys.readouterr().out) == (
        f"\nRefreshed the state of prod in N s: 2 differences written.\n{DIFFERENCES}{NEXT}"
    )
    pulumi.play({"prod": [{"lines": [ended("same", RBAC, "pay/x")]}]})
    assert run(["refresh", "prod", "--yes"]) == 0
    assert timeless(capsys.readouterr().out) == "\nRefreshed the state of prod in N s: no differences.\n"


def test_a_failed_refresh_ends_with_its_errors(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.play({"prod": [plays(diagnostic("error", encode(refusal("forbidden"))), code=255)]})
    assert run(["refresh", "prod", "--yes"]) == 1
    reported = capsys.readouterr().err
    assert timeless(reported).startswith(
        "\nambient: prod failed after N s with 1 error: 1 object updated, 1 deleted.\n"
    )
    assert "\nRun it again: ambient refresh prod\nLog: " in reported
    Path(reported.rpartition("Log: ")[2].strip()).unlink()


def test_a_stack_that_the_backend_does_not_have(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["refresh", "prd", "--yes"]) == 1
    assert "ambient: the backend has no stack 'prd'\n  hint: did you mean 'prod'?\n" in capsys.readouterr().err

"""`ambient validate`: acknowledged warnings are counted, and return when their acknowledgement ends."""

import pytest

from ambient_components.cli.app import run
from tests.support.validated import Write

LOOKALIKE = "workspaces:\n  pay:\n    owners: [user:\u0430]\n    acknowledge: [%s]\n"
GREEK = "{rule: lookalikeName, reason: a Cyrillic name, date: 2026-01-05%s}"


def validated(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["validate", *arguments])
    return code, *capsys.readouterr()


def test_it_is_counted_and_not_shown(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(stacks__prod=LOOKALIKE % "")
    assert validated(capsys, "--strict")[0] == 1
    write(stacks__prod=LOOKALIKE % GREEK % "")
    summary = "OK: 1 workspace in 1 file, 1 acknowledged warning\n"
    assert validated(capsys, "--strict") == (0, "", summary)
    assert validated(capsys, "--format", "github") == (0, "", summary)
    shown = validated(capsys, "--verbose")[1].splitlines()
    assert shown[0].startswith("stacks/prod.yaml:3:14: warning: workspaces.pay.owners[0]: ")
    assert shown[0].endswith(" [lookalikeName]")
    assert shown[1:] == ["  acknowledged on 2026-01-05: a Cyrillic name"]


def test_it_returns_after_its_last_day_and_fails_no_nightly_run(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(stacks__prod=LOOKALIKE % GREEK % ", until: 2026-02-01")
    code, shown, summary = validated(capsys, "--strict")
    assert code == 0
    assert " [lookalikeName]\n" in shown
    assert summary == "OK with 1 warning: 1 workspace in 1 file\n"


def test_a_file_of_two_stacks_shows_what_one_of_them_did_not_acknowledge(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    include = "include: [team.yaml]\nworkspaces: {}\n"
    write(stacks__team=LOOKALIKE % "", stacks__prod=include, stacks__dev=f"acknowledge: [{GREEK % ''}]\n" + include)
    _, shown, summary = validated(capsys)
    assert shown.count("[lookalikeName]") == 1
    assert summary == "OK with 1 warning: 2 workspaces in 3 files\n"

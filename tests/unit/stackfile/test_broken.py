"""The corpus of stack files that somebody got wrong: what `ambient validate` says to each, to the letter.

A case in `tests/broken` is NAME.yaml beside NAME.expected; one of several files is a folder with stack.yaml. The cases
of `warnings` are valid. Whoever changes a message runs this file with --update-golden and reads the diff as the person
at the other end would: tired, in the middle of the night, with one line of text to go by.
"""

import difflib
import re
from pathlib import Path

import pytest

from ambient_components.cli.app import run

HERE = Path(__file__).parents[2] / "broken"
UPDATE = ".venv/bin/python -m pytest tests/unit/stackfile/test_broken.py --update-golden"
CASES = sorted([*HERE.glob("*/*.yaml"), *HERE.glob("*/*/stack.yaml")])

MARK = "hunter2"
"""In every secret that is planted in the corpus, and in nothing else."""

_LINE = re.compile(r"(?P<place>[^:\s]+:[1-9][0-9]*:[1-9][0-9]*): (?P<severity>error|warning): (?P<message>\S.*)")
_HINT = re.compile(r"  hint: (allowed|known|`?[a-z][a-z-]+ .)")

NO_REMEDY_NEEDED: dict[str, str] = {}
"""Messages that need not say what to do, each with the reason."""


def name_of(case: Path) -> str:
    return str(case.relative_to(HERE).with_suffix(""))


def outcome(case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code and both outputs, as for somebody who stands in the folder of the case."""
    monkeypatch.chdir(case.parent)
    code = run(["validate", case.name])
    return code, *capsys.readouterr()


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_is_said(
    case: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown, summary = outcome(case, monkeypatch, capsys)
    assert code == (0 if case.is_relative_to(HERE / "warnings") else 1)
    assert MARK not in (shown + summary).lower()
    assert "Traceback" not in shown + summary
    lines = shown.splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        match = _LINE.fullmatch(line) or _HINT.match(line)
        assert match is not None, line
        message = match.groupdict().get("message")
        reported = _HINT.match(line) or _HINT.match(after) or message in NO_REMEDY_NEEDED
        assert reported, f"what should somebody do about this? {line}"
    expected = case.with_suffix(".expected")
    if request.config.getoption("--update-golden"):
        expected.write_text(shown, encoding="utf-8")
    before = expected.read_text(encoding="utf-8") if expected.exists() else ""
    if before != shown:
        diff = difflib.unified_diff(before.splitlines(), shown.splitlines(), expected.name, "said now", lineterm="")
        pytest.fail("\n".join([*diff, "", f"If this reads better: {UPDATE}"]), pytrace=False)


def test_nothing_is_said_twice() -> None:
    """One mistake, one line: the same words at the same place help nobody."""
    reported = [
        (str(path), *line.split(": ")[0:1], line.split(": ", 3)[-1])
        for path in HERE.rglob("*.expected")
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("  hint: ") and "is missing" not in line  # two fields are missing at one place
    ]
    assert [item for item in reported if reported.count(item) > 1] == []


def test_every_expectation_has_its_case() -> None:
    assert sorted(HERE.rglob("*.expected")) == sorted(case.with_suffix(".expected") for case in CASES)


def test_there_are_secrets_in_the_corpus() -> None:
    planted = [case for case in CASES if MARK.encode() in case.read_bytes().lower()]
    assert len(CASES) >= 170
    assert len(planted) >= 50

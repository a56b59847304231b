"""`ambient docs`: the pages as text."""

import io
import sys
from pathlib import Path

import pytest

from ambient_components.cli import pages
from ambient_components.cli.app import run
from ambient_components.output import USAGE, plain
from tests.unit.repository.test_docs import anchors


def shown(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(["docs", *words]) == code
    printed = capsys.readouterr()
    return printed.err if code else printed.out


def text(name: str, *lines: str, width: int = 0) -> list[str]:
    return list(pages.as_text(name, lines, width, plain))


def test_without_a_topic_it_is_the_index(capsys: pytest.CaptureFixture[str]) -> None:
    printed = shown(capsys)
    assert "\nrenew and deliver keys\n    rotation (ambient docs rotation)\n" in printed
    assert "](" not in printed


def test_every_page_is_a_topic_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    files = [path for path in pages.FOLDER.resolve().glob("*/*.md") if path.parent.name != "internals"]
    assert {path.stem for path in files} == {*pages.topics()}
    assert len(files) == len(pages.topics())
    assert [line.split()[0] for line in shown(capsys, "--list").splitlines()] == [*pages.topics()]


@pytest.mark.parametrize("name", pages.topics().values())
def test_each_page_has_the_sections_of_its_headings(name: str) -> None:
    lines = pages.read(name)
    assert {*pages.sections(lines)} == anchors(pages.FOLDER / f"{name}.md")
    assert [line for line in pages.as_text(name, lines, 80, plain) if line.startswith(("#", "|", "```"))] == []


@pytest.mark.parametrize("words", [("errors", "noAdmin"), ("errors#noadmin",), ("errors", "noadmin")])
def test_a_section_ends_before_the_next(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    printed = shown(capsys, *words)
    assert printed.startswith("noAdmin\n\n")
    assert "publicAccess" not in printed


def test_an_unknown_topic_or_section_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    printed = shown(capsys, "guardrial", code=USAGE)
    assert "there is no page 'guardrial'\n  hint: allowed: getting-started, " in printed
    assert "hint: did you mean 'guardrails'?" in printed
    printed = shown(capsys, "errors", "noAdmins", code=USAGE)
    assert "the page errors has no section 'noAdmins'" in printed
    assert "hint: did you mean 'noadmin'?" in printed


def test_links_become_commands() -> None:
    line = "See **[dates](../reference/stack-file.md#grants-with-dates)**, [below](#a-b) and `x`."
    assert text("tasks/plan", line)[0] == (
        "See dates (ambient docs stack-file grants-with-dates), below (ambient docs plan a-b) and x."
    )
    line = "[demo](../../examples/demo), [Pulumi](https://pulumi.com), [all](../README.md)"
    expected = "demo (examples/demo of the repository), Pulumi (https://pulumi.com), all (ambient docs)"
    assert text("tasks/plan", line)[0] == expected


def test_code_and_tables_are_kept_and_paragraphs_wrapped() -> None:
    assert text("tasks/plan", "```sh", "# a **b**", "```") == ["    # a **b**", ""]
    rows = ("| a | b | c |", "|---|---|---|", "| `1` | 2 \\| 3 | |")
    assert text("tasks/plan", *rows) == ["1", "    b: 2 | 3", ""]
    lines = ("- one two three four five six", "  seven eight nine ten", "- eleven")
    assert text("tasks/plan", *lines, width=40) == [
        "- one two three four five six seven", "  eight nine ten", "- eleven", "",
    ]  # fmt: skip


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_bold_headings_and_a_pager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PAGER", f"tee {tmp_path / 'paged'}")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    printed = []
    for words in ([], ["--no-pager"]):
        monkeypatch.setattr(sys, "stdout", terminal := _Terminal())
        assert run(["docs", "errors", "noAdmin", *words]) == 0
        printed.append(terminal.getvalue())
    assert printed == ["", (tmp_path / "paged").read_text()]
    assert printed[1].startswith("\033[1mnoAdmin\033[0m\n")


@pytest.mark.parametrize("pager", ["", "cat", "no-such-program -x"])
def test_without_a_pager_it_is_printed(monkeypatch: pytest.MonkeyPatch, pager: str) -> None:
    monkeypatch.setenv("PAGER", pager)
    monkeypatch.setattr(sys, "stdout", terminal := _Terminal())
    assert run(["docs", "guardrails"]) == 0
    assert "Guardrails" in terminal.getvalue()

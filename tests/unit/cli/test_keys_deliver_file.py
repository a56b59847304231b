"""`ambient keys deliver` to a file."""

import os
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from tests.support.keys_cli import TOKEN, FakePulumi, Shown, key_resources, project, pulumi, state

__all__ = ["project", "pulumi"]


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


def names() -> list[str]:
    return sorted(path.name for path in Path("out").iterdir())


class TestDeliverToAFile:
    @pytest.fixture(autouse=True)
    def _folder(self, pulumi: FakePulumi, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (project / "out").mkdir()
        return project / "out"

    def deliver(self, *arguments: str) -> int:
        return run(["keys", "deliver", *(arguments or ("dev", "payments/ci", "--file", "out/key"))])

    @pytest.mark.parametrize(
        "arguments",
        [
            ["dev", "payments/ci", "--file", "out/key"],
            ["payments/ci", "--stack", "dev", "--file", "out/key"],
            ["--file", "out/key", "-s", "dev", "payments/ci"],
            ["dev", "payments/ci", "-s", "dev", "--file", "out/key"],
        ],
    )
    def test_it_is_written_and_not_shown(self, project: Path, capsys: Shown, arguments: list[str]) -> None:
        assert self.deliver(*arguments) == 0
        assert capsys.readouterr() == ("", "payments/ci: written to out/key\n")
        assert (project / "out/key").read_bytes() == TOKEN.encode()
        assert names() == ["key"]

    @pytest.mark.parametrize("before", [None, "another key", TOKEN])
    def test_its_owner_alone_can_read_it(self, project: Path, before: str | None) -> None:
        file = project / "out/key"
        if before is not None:
            file.write_text(before)
            file.chmod(0o644)
        assert self.deliver() == 0
        assert (mode(file), file.read_text()) == (0o600, TOKEN)

    def test_the_same_key_again_leaves_the_file_alone(self, project: Path, capsys: Shown) -> None:
        assert self.deliver() == 0
        file = project / "out/key"
        os.utime(file, (1, 1))
        before = file.stat()
        capsys.readouterr()
        assert self.deliver() == 0
        assert capsys.readouterr() == ("", "payments/ci: already in out/key\n")
        after = file.stat()
        assert (after.st_ino, after.st_mtime) == (before.st_ino, before.st_mtime)

    @pytest.mark.parametrize("content", ["somebody's file", TOKEN])
    def test_a_link_is_not_followed(self, project: Path, capsys: Shown, content: str) -> None:
        elsewhere = project / "elsewhere"
        elsewhere.write_text(content)
        elsewhere.chmod(0o644)
        (project / "out/key").symlink_to(elsewhere)
        assert self.deliver() == 1
        assert capsys.readouterr().err == (
            "ambient: out/key is there, and is no plain file\n  hint: name the file itself\n"
        )
        assert (project / "out/key").is_symlink()
        assert (elsewhere.read_text(), mode(elsewhere), names()) == (content, 0o644, ["key"])

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("nowhere/key", "No such file or directory"),
            ("Pulumi.yaml/key", "Not a directory"),
            ("/proc/key", "No such file or directory"),  # for root too
            ("out/" + "k" * 250, "File name too long"),
        ],
    )
    def test_where_nothing_can_be_written(self, project: Path, capsys: Shown, path: str, why: str) -> None:
        assert self.deliver("dev", "payments/ci", "--file", path) == 1
        assert capsys.readouterr() == (
            "",
            f"ambient: {path} can't be written: {why}\n  hint: name a file in a folder that you may write to\n",
        )
        assert names() == []

    def test_a_key_that_does_not_work_is_not_delivered(self, pulumi: FakePulumi, capsys: Shown) -> None:
        pulumi.states["dev"] = state(*key_resources("ci", expires="2026-11-25T12:00:00Z"))
        assert self.deliver() == 1
        assert "no longer works: it expired" in capsys.readouterr().err
        assert names() == []

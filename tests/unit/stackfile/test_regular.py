"""Files that a stack file names are regular, of bounded size and where they must be; nothing else is opened."""

import os
import socket
from pathlib import Path

import pytest

from ambient_components.stackfile import regular
from ambient_components.stackfile.includes import Reader
from ambient_components.stackfile.regular import Unreadable, read_regular


def refusal(path: Path | str, at_most: int = 10, within: str | None = None, never: tuple[str, ...] = ()) -> str:
    with pytest.raises(Unreadable) as caught:
        read_regular(str(path), at_most, within, never)
    return caught.value.problem


@pytest.mark.parametrize("kind", ["fifo", "device", "socket", "a link to a fifo"])
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A pipe that nothing is written to would hang, and a device has no end."""
    path = tmp_path / "file"
    with socket.socket(socket.AF_UNIX) as listening:
        if kind == "device":
            path = Path("/dev/zero")
        elif kind == "socket":
            monkeypatch.chdir(tmp_path)
            listening.bind("file")
        else:
            os.mkfifo(tmp_path / "pipe")
            path.symlink_to("pipe")
            path = path if "link" in kind else tmp_path / "pipe"
        monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
        assert refusal(path) == "is not a regular file"


def test_one_that_takes_the_place_of_a_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first look and the opening another file may come: it is looked at once more."""
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    opened = os.open
    monkeypatch.setattr(os, "open", lambda _, flags: opened(tmp_path / "pipe", flags))
    assert refusal(tmp_path / "file") == "is not a regular file"


def test_a_link_that_changes_while_it_is_read_gets_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file").write_text("inside")
    (tmp_path / "out").write_text("outside")
    opened = os.open
    monkeypatch.setattr(os, "open", lambda _, flags: opened(tmp_path / "out", flags))
    assert "leads out of the project" in refusal(tmp_path / "in/file", within=str(tmp_path / "in"))


def test_size(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 10)
    assert read_regular(str(tmp_path / "file"), 10) == b"x" * 10
    assert refusal(tmp_path / "file", 9) == "is larger than 9 bytes"


def test_places(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in-beside").write_text("x")
    (tmp_path / "in/file").write_text("x")
    (tmp_path / "in/link").symlink_to("file")
    (tmp_path / "in/out").symlink_to("../in-beside")
    (tmp_path / "around").symlink_to("in")
    for path in ("in/file", "in/link", "around/file"):
        assert read_regular(str(tmp_path / path), 10, str(tmp_path / "in")) == b"x"
    for path in ("in-beside", "in/out", "in/../in-beside"):
        assert "leads out of the project" in refusal(tmp_path / path, within=str(tmp_path / "in"))
    assert read_regular(str(tmp_path / "in/file"), 10, str(tmp_path / "around")) == b"x"


def test_named_files_are_refused_by_any_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.link(tmp_path / "file", tmp_path / "other")
    assert (
        refusal(tmp_path / "other", never=("/none", "a\0b", str(tmp_path / "file"))) == "holds credentials of the run"
    )


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("none", "can't be read: No such file or directory"),
        (".", "can't be read: Is a directory"),
        ("a\0b", "can't be"),
    ],
)
def test_what_is_not_there(tmp_path: Path, path: str, problem: str) -> None:
    assert problem in refusal(f"{tmp_path}/{path}")


def test_a_stack_file_that_is_a_pipe_is_told_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding 14: `include` of a FIFO does not hang, and neither does one of a file without an end."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.yaml")
    Path("large.yaml").write_text("workspaces: {}\n" + "#" * 100)
    Path("s.yaml").write_text("include: [pipe.yaml, large.yaml]\nworkspaces: {}\n")
    monkeypatch.setattr("ambient_components.stackfile.files.STACK_FILE_MAX", 100)
    reader = Reader()
    reader.read("s.yaml")
    assert [str(problem) for problem in reader.problems] == [
        "pipe.yaml: is not a regular file; name a regular file: a device, pipe or socket is never read",
        "large.yaml: is larger than 100 bytes; remove what is not needed from it",
    ]


def test_the_caps_are_above_what_people_have() -> None:
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    assert not bundle.exists() or bundle.stat().st_size < regular.CA_BUNDLE_MAX / 2
    assert regular.STACK_FILE_MAX > 5_000 * 5_000

"""Files that `ambient` writes: whole, under the name that was given, and nothing else."""

import os
import re
import stat
from pathlib import Path

import pytest

import ambient_components
from ambient_components.errors import AmbientError
from ambient_components.writing import PRIVATE, write_file, write_files, write_new

PACKAGE = Path(ambient_components.__file__).parent
MINE = "another file of this user\n"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def mine(tmp_path):
    """A file of this user, to which others lead."""
    file = tmp_path / "mine"
    file.write_text(MINE)
    file.chmod(0o640)
    yield file
    assert (file.read_text(), mode(file)) == (MINE, 0o640)


def test_a_new_file_has_its_mode_from_the_first_byte(tmp_path):
    assert write_file(tmp_path / "a", b"x", PRIVATE)
    assert write_file(tmp_path / "b", b"x")
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o600, 0o644)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_equal_content_is_no_change_and_gets_the_mode(tmp_path):
    file = tmp_path / "a"
    file.write_text("x")
    file.chmod(0o666)
    assert not write_file(file, b"x", PRIVATE)
    assert mode(file) == PRIVATE
    assert not write_file(file, b"x", PRIVATE)
    assert write_file(file, b"y", PRIVATE)


@pytest.mark.parametrize("link", ["to a file", "to nothing", "to itself"])
def test_a_link_is_refused(tmp_path, mine, link):
    """As another user sets it in a folder like /tmp, under the name that a job writes each night."""
    name = tmp_path / "plan.json"
    name.symlink_to({"to a file": mine, "to nothing": tmp_path / "none", "to itself": name}[link])
    with pytest.raises(AmbientError, match="is there, and is no plain file"):
        write_file(name, b"x")
    assert name.is_symlink()
    assert not (tmp_path / "none").exists()


def test_a_link_that_appears_meanwhile_is_replaced_and_not_followed(tmp_path, mine, monkeypatch):
    name = tmp_path / "plan.json"
    name.symlink_to(mine)
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    assert write_file(name, b"x")
    assert (name.is_symlink(), name.read_text()) == (False, "x")


def test_another_name_of_a_file_keeps_its_content(tmp_path, mine):
    """A hard link, which needs no right to read the file."""
    name = tmp_path / "plan.json"
    os.link(mine, name)
    assert write_file(name, b"x")
    assert name.read_text() == "x"


def test_no_device_or_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null"), tmp_path):
        with pytest.raises(AmbientError, match="is there, and is no plain file"):
            write_file(path, b"x")


def test_a_new_file_of_a_project_follows_no_link(tmp_path, mine):
    (tmp_path / "a").symlink_to(mine)
    (tmp_path / "b").symlink_to(tmp_path / "none")
    assert not write_new(tmp_path / "a", "x")
    assert not write_new(tmp_path / "b", "x")
    assert write_new(tmp_path / "folder" / "c", "x")
    assert not (tmp_path / "none").exists()


def test_a_projects_files_keep_their_links_and_modes(tmp_path):
    (tmp_path / "real").write_text("x")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_files({str(tmp_path / "link"): b"y", str(tmp_path / "folder" / "new"): b"z"})
    assert (tmp_path / "link").is_symlink()
    assert ((tmp_path / "real").read_text(), mode(tmp_path / "real")) == ("y", 0o600)
    assert ((tmp_path / "folder" / "new").read_text(), mode(tmp_path / "folder" / "new")) == ("z", 0o644)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", fails)
    with pytest.raises(AmbientError, match="No space left on device"):
        write_file(tmp_path / "a", b"x")
    with pytest.raises(AmbientError, match="No space left on device"):
        write_files({str(tmp_path / "a"): b"x"})
    assert [*tmp_path.iterdir()] == []


TEMPORARY = {"fleet/creation.py", "fleet/machine_notes.py", "fleet/processes.py", "warm/language.py", "warm/server.py"}
"""Modules that write temporary files, locks and streams alone, under names of their own."""


def test_files_are_written_in_one_place():
    writes = re.compile(
        r"write_text\(|write_bytes\(|shutil\.copy|\.open\(\s*[\"'][wxa]|mkstemp\(|NamedTemporaryFile\(|\"wb?\""
    )
    modules = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if writes.search(path.read_text())}
    assert modules - TEMPORARY == {"writing.py"}

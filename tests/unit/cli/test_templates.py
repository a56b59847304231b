"""The files that `ambient init --project`, `ambient pipeline` write, and those they keep."""

import re
import subprocess
from pathlib import Path

import pytest

from ambient_components._version import VERSION
from ambient_components.cli.app import run
from ambient_components.cli.init.project import (
    default_name,
    left_to_fill_in,
    own_requirement,
    pinned_in,
    requirement_of,
    start_project,
)
from ambient_components.cli.templates import FOLDER, texts
from ambient_components.documentation import RELEASE, REPOSITORY
from ambient_components.errors import AmbientError
from ambient_components.stacks.project import Project

PROJECT_FILES = {".gitignore", "CODEOWNERS", "Pulumi.yaml", "__main__.py", "requirements.lock", "requirements.txt"}
SHA = "0" * 64


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_project_from_an_empty_folder(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--project", "workspaces"]) == 0
    assert files(empty) == PROJECT_FILES | {"stacks/stack.schema.json"}
    assert Project.find().name == "workspaces"
    printed = capsys.readouterr().out
    assert {f"Wrote {name}" for name in PROJECT_FILES} <= set(printed.splitlines())
    assert "ambient init dev" in printed


def test_what_exists_stays_and_is_named(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "CODEOWNERS").write_text("mine")
    run(["init", "--project", "workspaces"])
    assert "Kept CODEOWNERS: it exists already\n" in capsys.readouterr().out
    assert (empty / "CODEOWNERS").read_text() == "mine"
    before = {name: (empty / name).read_text() for name in files(empty)}
    assert run(["init", "--project", "workspaces"]) == 0
    assert {line for line in capsys.readouterr().out.splitlines() if line.startswith("Kept")} == {
        f"Kept {name}: it exists already" for name in before
    }
    assert {name: (empty / name).read_text() for name in files(empty)} == before


def test_a_link_to_nowhere_is_not_followed(empty: Path, tmp_path: Path) -> None:
    (empty / "CODEOWNERS").symlink_to(tmp_path / "elsewhere")
    run(["init", "--project", "workspaces"])
    assert not (tmp_path / "elsewhere").exists()


def test_a_project_keeps_its_name(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["init", "--project", "one"])
    assert run(["init", "--project", "two"]) == 1
    assert "Pulumi.yaml: name: this is the project 'one', not 'two'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a/b", "a b", "x" * 101, "../up", "1", "no", "null"])
def test_a_name_that_pulumi_refuses(empty: Path, name: str) -> None:
    with pytest.raises(AmbientError, match="can't name a project"):
        start_project(empty, name)
    assert files(empty) == set()


@pytest.mark.parametrize("arguments", [["init", "dev"], ["init", "dev", "--yes"]])
def test_no_project_starts_unasked(empty: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 1
    assert "ambient init --project NAME" in capsys.readouterr().err
    assert files(empty) == set()


def test_at_a_terminal_the_name_is_asked_for(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = []

    def answer(question: object) -> str:
        questions.append(question)
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("ambient_components.cli.init.command.prompt", answer)
    assert run(["init", "dev"]) == 130
    (question,) = questions
    assert (question.flag, question.default) == ("--project", "empty")
    run(["init", "--project", "one"])
    capsys.readouterr()
    questions.clear()
    monkeypatch.setattr("ambient_components.cli.init.command.pulumi.PulumiEngine", lambda _: pytest.fail("not reached"))
    with pytest.raises(pytest.fail.Exception):
        run(["init", "dev"])
    assert questions == []


@pytest.mark.parametrize(
    ("folder", "name"), [("team a", "team-a"), ("ok_1.x", "ok_1.x"), ("1-one", "one"), ("ß", "workspaces")]
)
def test_the_suggested_name_is_the_folders(folder: str, name: str) -> None:
    assert default_name(Path("/x") / folder) == name


# requirements.txt


WHEEL = f"{RELEASE}/ambient_components-{VERSION}-py3-none-any.whl"


@pytest.mark.parametrize(
    ("url", "desired"),
    [
        ("https://example.com/a-1.whl", "https://example.com/a-1.whl"),
        ("file:///home/me/a%20b/ambient_components-1.whl", "./ambient_components-1.whl"),
        ("https://user:****@example.com/a.whl", WHEEL),
        ("https://example.com/a.whl#made-up", WHEEL),
        ("https://example.com/a.whl?sig=made-up", WHEEL),
    ],
)
def test_the_requirement_is_the_file_that_was_installed(url: str, desired: str) -> None:
    requirement = requirement_of({"url": url, "archive_info": {"hashes": {"sha256": SHA}}})
    assert requirement == f"{desired} --hash=sha256:{SHA}"


def test_a_file_of_this_machine_is_installed_from_the_project(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = {"url": "file:///home/me/a%20b/ambient_components-1.whl", "archive_info": {"hashes": {"sha256": SHA}}}
    monkeypatch.setattr("ambient_components.cli.init.project._origin", lambda: origin)
    requirement = own_requirement()
    assert (
        pinned_in(f"# a comment\n{requirement}\n") == requirement == f"./ambient_components-1.whl --hash=sha256:{SHA}"
    )
    step = "cp '/home/me/a b/ambient_components-1.whl' .    # and commit it: requirements.txt installs it from here"
    assert left_to_fill_in(requirement, empty) == step
    (empty / "ambient_components-1.whl").touch()
    assert left_to_fill_in(requirement, empty) == ""


@pytest.mark.parametrize(
    ("url", "desired"),
    [
        ("https://git.example.com/a", "https://git.example.com/a"),
        ("https://user:made-up@git.example.com/a?x=y", "https://git.example.com/a"),
        ("http://user:made-up@git.example.com/a", "http://git.example.com/a"),
        ("file:///home/me/clone", REPOSITORY),
        ("file://localhost/home/me/clone", REPOSITORY),
        ("ssh://git:made-up@git.example.com:22/a", "ssh://git@git.example.com:22/a"),
        ("ssh://git@git.example.com/a", "ssh://git@git.example.com/a"),
    ],
)
def test_the_requirement_is_the_commit_that_was_installed(url: str, desired: str) -> None:
    requirement = requirement_of({"url": url, "vcs_info": {"vcs": "git", "commit_id": "c" * 40}})
    assert requirement == f"git+{desired}@{'c' * 40}"
    assert left_to_fill_in(requirement, Path()) == ""


@pytest.mark.parametrize(
    ("origin", "desired", "left"),
    [
        ({}, f"{RELEASE}/ambient_components-{VERSION}-py3-none-any.whl --hash=sha256:HASH", "HASH"),
        ({"url": "file:///clone", "dir_info": {"editable": True}}, f"git+{REPOSITORY}@COMMIT", "COMMIT"),
    ],
)
def test_what_is_not_known_is_left_to_the_user(origin: dict[str, object], desired: str, left: str) -> None:
    assert requirement_of(origin) == desired
    assert f"edit requirements.txt: {left} is" in left_to_fill_in(desired, Path())


def test_no_index_is_asked_for_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"ambient-components @ git\+https://\S+@COMMIT", own_requirement())
    monkeypatch.setattr("ambient_components.cli.init.project.PACKAGE", "not-installed")
    assert re.fullmatch(r"not-installed @ https://\S+ --hash=sha256:HASH", own_requirement())


# Pipelines


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["github"], {".github/workflows/workspaces.yaml"}),
        (["gitlab"], {".gitlab-ci.yml"}),
        (["github", "--preview", "live"], {".github/workflows/workspaces.yaml"}),
        (["gitlab", "--preview", "live"], {".gitlab-ci.yml"}),
        (["github", "--fleet", "many"], {".github/workflows/fleet.yaml"}),
        (["gitlab", "--fleet", "many"], {".gitlab-ci.yml", ".gitlab/shard.yaml"}),
    ],
)
def test_a_pipeline_is_written_into_the_project(empty: Path, arguments: list[str], written: set[str]) -> None:
    run(["init", "--project", "workspaces"])
    before = files(empty)
    assert run(["pipeline", *arguments]) == 0
    assert files(empty) - before == written
    text = "".join((empty / name).read_text(encoding="utf-8") for name in written)
    assert ("FLEET: many\n" in text) is ("--fleet" in arguments)
    assert ("--offline --state" in text) is (len(arguments) == 1)


def test_a_package_that_a_kept_file_lacks_is_a_step(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "requirements.txt").write_text("hello\n")
    assert run(["init", "--project", "workspaces"]) == 0
    assert "add to requirements.txt: ambient-components @ " in capsys.readouterr().out
    (empty / "requirements.txt").unlink()
    run(["init", "--project", "workspaces"])
    capsys.readouterr()
    assert run(["init", "--project", "workspaces"]) == 0
    assert "edit requirements.txt: " in capsys.readouterr().out  # until it is done
    with (empty / "requirements.txt").open("a") as stream:
        stream.write("hello\n")
    assert run(["init", "--project", "workspaces"]) == 0
    assert "edit requirements.txt: " in capsys.readouterr().out


@pytest.mark.parametrize("line", ["hello", "ambient-components-extra==1", "ambient-components==0.1", ""])
def test_what_an_index_would_serve_is_not_the_package(line: str) -> None:
    assert pinned_in(f"# a comment\n{line}\n") is None
    assert pinned_in(f"{line}\nambient-components @ git+https://x@COMMIT\nlast\n") == (
        "ambient-components @ git+https://x@COMMIT"
    )


def test_every_placeholder_is_filled_in(empty: Path) -> None:
    run(["init", "--project", "workspaces"])
    run(["pipeline", "github"])
    run(["pipeline", "github", "--fleet", "many"])
    run(["pipeline", "gitlab", "--fleet", "many"])
    words = r"AMBIENT_DOCS|\bPROJECT\b|\bREQUIREMENT\b|FLEET_NAME"
    assert [name for name in files(empty) if re.search(words, (empty / name).read_text(encoding="utf-8"))] == []
    sources = (path for path in FOLDER.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    assert len({word for path in sources for word in re.findall(words, path.read_text(encoding="utf-8"))}) == 4


def test_git_knows_every_template() -> None:
    """A .gitignore among them must not hide one of its neighbours from a commit, nor from the package."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", str(FOLDER)],
        cwd=FOLDER, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    names = {folder.name: {str(path) for path, _ in texts(folder.name, {})} for folder in FOLDER.iterdir()}
    assert set(listed) == {f"{name}/{path}" for name, paths in names.items() for path in paths}

"""`make release`: what it refuses, and what it builds from a copy of this repository."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from ambient_components._version import VERSION
from ambient_components.cli.templates import FOLDER
from ambient_components.documentation import REPOSITORY as ADDRESS
from release import sdks
from release.repository import absolute_links
from tests.support.pipelines import read

ROOT = Path(__file__).parents[3]
SECTION = f"## [{VERSION}] - 2026-11-26\n\n- The first line. See [the plan](docs/plan.md).\n"
TIME = 1_700_000_000


def git(folder: Path, *arguments: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_COMMITTER_DATE": f"{TIME} +0000"}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, env=environ, stdout=subprocess.PIPE, text=True).stdout


def commit(folder: Path) -> None:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "Change")


def run(folder: Path, *arguments: str, umask: int = 0o022, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "release", *arguments],
        cwd=folder,
        # Compiled files would be uncommitted ones: not all copies have .gitignore.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environ},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )


def repository(folder: Path, names: list[str]) -> Path:
    """A repository with these files of this one, as they are now, and with a section for the version."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    before = (ROOT / "CHANGELOG.md").read_text().partition("\n## ")[0]
    (folder / "CHANGELOG.md").write_text(f"{before}\n## [Unreleased]\n\n{SECTION}")
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


# What is refused.


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """What the checks before a build read."""
    names = [str(path.relative_to(ROOT)) for path in (ROOT / "release").glob("*.py")]
    return repository(
        tmp_path, [*names, "ambient_components/__init__.py", "ambient_components/_version.py", "pyproject.toml"]
    )


def changelog(folder: Path, text: str) -> None:
    (folder / "CHANGELOG.md").write_text(text)
    commit(folder)


def test_uncommitted_changes_are_refused(small: Path) -> None:
    (small / "README.md").write_text("new")
    (small / "pyproject.toml").write_text((small / "pyproject.toml").read_text() + "\n")
    done = run(small)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: uncommitted changes: pyproject.toml, README.md\nhint: commit or remove them\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("## [Unreleased]\n\n- Something.\n", f"CHANGELOG.md has no section for {VERSION}"),
        (f"## [Unreleased]\n\n## [{VERSION}]\n\n- It.\n", f"the section {VERSION} of CHANGELOG.md has no date"),
        (f"## [{VERSION}] - 2026-11-26\n\n## [0.0.9]\n\n- It.\n", f"the section {VERSION} of CHANGELOG.md is empty"),
        (f"## [Unreleased]\n\n- More.\n\n{SECTION}", "CHANGELOG.md has entries under Unreleased"),
        (f"## [99.0.0] - 2027-01-01\n\n- New.\n\n{SECTION}", f"{VERSION} is not the newest version in CHANGELOG.md"),
    ],
)
def test_a_changelog_that_does_not_fit_the_version_is_refused(small: Path, text: str, error: str) -> None:
    changelog(small, text)
    done = run(small)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [f"error: {error}"]
    assert done.stderr.count("hint: ") == 1


def test_a_tag_of_another_version_is_refused(small: Path) -> None:
    git(small, "tag", "v99.0.0")
    assert f"the commit has the tag v99.0.0, but the version is {VERSION}\n" in run(small).stderr


def test_a_version_that_is_released_from_another_commit_is_refused(small: Path) -> None:
    git(small, "tag", f"v{VERSION}")
    (small / "README.md").write_text("later")
    commit(small)
    assert f"error: {VERSION} is already released from " in run(small).stderr


# What is built.


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository, with its release in dist/."""
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1]
    folder = repository(tmp_path_factory.mktemp("whole"), [name for name in names if os.path.lexists(ROOT / name)])
    git(folder, "tag", f"v{VERSION}")
    done = run(folder, "--repository", ADDRESS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"dist/{path.name}" for path in sorted((folder / "dist").iterdir())]
    return folder


def metadata(folder: Path) -> Message:
    with zipfile.ZipFile(next((folder / "dist").glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(wheel.read(name).decode())


@pytest.mark.slow
def test_the_checksums_are_those_of_what_people_install_and_of_the_sbom(whole: Path) -> None:
    checksums = dict(line.split("  ")[::-1] for line in (whole / "dist/SHA256SUMS").read_text().splitlines())
    assert checksums == {
        name: hashlib.sha256((whole / "dist" / name).read_bytes()).hexdigest()
        for name in (
            f"ambient_components-{VERSION}-py3-none-any.whl",
            f"ambient_components-{VERSION}.cdx.json",
            f"ambient_components-{VERSION}.tar.gz",
            *(f"ambient-sdk-{language}-{VERSION}.tar" for language in sdks.LANGUAGES),
            "requirements.lock",
        )
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "file", "line"),
    [
        ("dotnet", "Pulumi.Ambient.csproj", f"<Version>{VERSION}</Version>"),
        ("go", "go.mod", "module git.example.com/platform/ambient-components/sdk/go"),
        ("java", "build.gradle", f'? "{VERSION}"'),
        ("nodejs", "package.json", f'"version": "{VERSION}",'),
        ("python", "pyproject.toml", f'version = "{VERSION}"'),
    ],
)
def test_an_archive_of_an_sdk_has_what_its_language_needs(whole: Path, language: str, file: str, line: str) -> None:
    with tarfile.open(whole / f"dist/ambient-sdk-{language}-{VERSION}.tar") as archive:
        members = archive.getmembers()
        described = archive.extractfile(f"{language}/{file}")
        assert described is not None
        assert line in [text.strip() for text in described.read().decode().splitlines()]
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(TIME, 0, "")}


@pytest.mark.slow
def test_without_go_the_release_says_what_to_do(whole: Path, tmp_path: Path) -> None:
    """Also where nothing is in the cache."""
    path = os.pathsep.join(entry for entry in os.environ["PATH"].split(os.pathsep) if not Path(entry, "go").exists())
    done = run(whole, PATH=path, AMBIENT_CACHE_DIR=str(tmp_path / "cache"), AMBIENT_OFFLINE="1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: no SDKs were written. " in done.stderr
    assert "hint: Install Go" in done.stderr


@pytest.mark.slow
def test_the_sdist_has_what_builds_the_wheel_and_nothing_else(whole: Path) -> None:
    with tarfile.open(next((whole / "dist").glob("*.tar.gz"))) as sdist:
        members = [member for member in sdist.getmembers() if not member.isdir()]
    parts = {member.name.split("/")[1] for member in members}
    known = {"LICENSE", "PKG-INFO", "README.md", "ambient_components.egg-info", "pyproject.toml", "setup.cfg"}
    assert parts == {*known, "ambient_components"}
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(TIME, 0, "")}


@pytest.mark.slow
def test_the_sbom_has_the_packages_of_the_lock_with_their_hashes(whole: Path) -> None:
    sbom = json.loads(next((whole / "dist").glob("*.cdx.json")).read_text())
    lock = re.findall(r"^([\w.-]+)==(\S+)", (FOLDER / "project/requirements.lock").read_text(), re.MULTILINE)
    assert {(part["name"], part["version"]) for part in sbom["components"]} == set(lock)
    assert [part["name"] for part in sbom["components"] if not part["externalReferences"][0]["hashes"]] == []
    component = sbom["metadata"]["component"]
    assert (component["name"], component["version"]) == ("ambient-components", VERSION)


def test_every_address_of_the_project_is_in_its_repository() -> None:
    """The release workflow compares this address with its own, and messages have it too."""
    text = (ROOT / "pyproject.toml").read_text()
    urls = re.findall(r'^\w+ = "(https://[^"]*)"$', text, re.MULTILINE)
    assert len(urls) >= 4
    assert [url for url in urls if not url.startswith(ADDRESS)] == []


@pytest.mark.slow
def test_a_second_build_has_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    """Also elsewhere, with other rights for new files, in another time zone and beside what older builds left."""
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(whole), str(other))
    stale = other / "build/lib/ambient_components/stale.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    done = run(other, umask=0o077, TZ="Asia/Tokyo", PYTHONHASHSEED="1")
    assert done.returncode == 0, done.stderr
    first, second = ({path.name: path.read_bytes() for path in (f / "dist").iterdir()} for f in (whole, other))
    assert [name for name in first.keys() | second.keys() if first.get(name) != second.get(name)] == []


@pytest.mark.slow
def test_a_wheel_without_a_file_of_the_package_is_refused(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", "--no-tags", str(whole), str(other))
    (other / "ambient_components/forgotten.xyz").write_text("data")
    commit(other)
    done = run(other)
    assert done.returncode == 1
    assert "error: check_wheel_contents failed" in done.stderr
    assert "ambient_components/forgotten.xyz" in done.stderr
    assert not (other / "dist").exists()


# The workflow.


def test_what_may_sign_or_publish_runs_no_code_of_the_repository_and_waits_for_the_tests() -> None:
    jobs = read(ROOT / ".github/workflows/release.yaml")["jobs"]
    trusted = {name for name, job in jobs.items() if job["permissions"] != {"contents": "read"}}
    assert trusted == {"attest", "page", "publish"}
    steps = [step for name in trusted for step in jobs[name]["steps"]]
    assert [step for step in steps if "checkout" in step.get("uses", "")] == []
    assert sorted(step["run"].split()[0] for step in steps if "run" in step) == ["mkdir", "mv"]
    assert jobs["attest"]["needs"] == ["tests", "build"]
    assert {jobs[name]["needs"] for name in trusted - {"attest"}} == {"attest"}


# Its parts.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](docs/a.md#b)", "[a](R/blob/v1/docs/a.md#b)"),
        ("![a](docs/a.svg)", "![a](R/raw/v1/docs/a.svg)"),
        ("[![a](https://example.com/a.svg)](docs/a.md)", "[![a](https://example.com/a.svg)](R/blob/v1/docs/a.md)"),
        ("[a](#b) [c](https://example.com/d)", "[a](#b) [c](https://example.com/d)"),
    ],
)
def test_relative_links_become_absolute(text: str, expected: str) -> None:
    assert absolute_links(text, "R", "1") == expected

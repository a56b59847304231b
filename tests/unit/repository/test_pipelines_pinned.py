"""What the package's pipelines download is pinned, and linters find nothing in them; what is loosened, both find."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ambient_components.cli.templates import FOLDER
from tests.support.pipelines import (
    FLEET_GITHUB,
    FLEET_GITLAB,
    FLEET_SHARD,
    GITHUB,
    GITLAB,
    OFFLINE_GITHUB,
    OFFLINE_GITLAB,
    ROOT,
    read,
)

WORKFLOWS = [OFFLINE_GITHUB, GITHUB, FLEET_GITHUB]
OWN = sorted(ROOT.glob(".github/workflows/*"))
"""The project's own workflows, which install nothing by themselves: `make setup` does."""
ON_GITLAB = [OFFLINE_GITLAB, GITLAB, FLEET_GITLAB, FLEET_SHARD]
LOCKS = [FOLDER / "project/requirements.lock", ROOT / "requirements/dev.lock"]

_USES = re.compile(r"\buses: (\S+)(.*)$", re.MULTILINE)
_PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")
_DIGEST_OR_PLACEHOLDER = re.compile(r"pulumi/pulumi:(\d+\.\d+\.\d+)@sha256:(DIGEST|[0-9a-f]{64})")
INSTALLS = [
    "--quiet --require-hashes -r requirements.lock",
    "--quiet --no-deps --no-build-isolation -r requirements.txt",
]


def name(path: Path) -> str:
    return "/".join(path.parts[-4:])


def test_every_pipeline_is_known() -> None:
    assert {path for path in FOLDER.glob("git*/**/*") if path.is_file()} == {*WORKFLOWS, *ON_GITLAB}


def test_actions_are_pinned_by_commit_with_the_release_in_a_comment() -> None:
    """14: A moved tag of an action does not reach jobs that hold an OIDC token."""
    used = [found for path in [*WORKFLOWS, *OWN] for found in _USES.findall(path.read_text(encoding="utf-8"))]
    assert [action for action, _ in used if not _PINNED.fullmatch(action)] == []
    assert [release for _, release in used if not re.fullmatch(r" # v\d+\.\d+\.\d+", release)] == []
    # One commit and one release for each action, in all files.
    assert len({action.partition("@")[0] for action, _ in used}) == len(set(used))


@pytest.mark.parametrize("path", [*WORKFLOWS, *OWN], ids=name)
def test_a_checkout_leaves_no_token_behind(path: Path) -> None:
    steps = [step for job in read(path)["jobs"].values() for step in job["steps"]]
    checkouts = [step["with"] for step in steps if "actions/checkout@" in step.get("uses", "")]
    assert checkouts
    assert [given for given in checkouts if given != {"persist-credentials": False}] == []


@pytest.mark.parametrize("path", [*WORKFLOWS, *OWN], ids=name)
def test_every_job_names_its_permissions(path: Path) -> None:
    content = read(path)
    assert content["permissions"] == {}
    assert [name for name, job in content["jobs"].items() if "permissions" not in job] == []


@pytest.mark.parametrize("path", [*WORKFLOWS, *ON_GITLAB], ids=name)
def test_packages_are_installed_from_the_lock_by_hash(path: Path) -> None:
    """14: A package index cannot give the pipeline other code than the lock names."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"pip install (.*)$", text, re.MULTILINE)
    # The fleet's parent pipeline and its child install in a job each.
    assert found == INSTALLS * (len(found) // 2)
    assert found or path.name == ".gitlab-ci.yml"
    assert text.count("pip check") == len(found) // 2


def test_the_lock_has_what_the_pipelines_install_without_asking_for_more() -> None:
    run = LOCKS[0].read_text(encoding="utf-8")
    # --no-build-isolation: the package is built with what the lock installed.
    assert re.search(r"^setuptools==", run, re.MULTILINE)
    for lock in LOCKS:
        text = lock.read_text(encoding="utf-8")
        entries = re.split(r"^(?=\S)(?!#)", text, flags=re.MULTILINE)[1:]
        assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
        assert "://" not in text


@pytest.mark.parametrize("path", ON_GITLAB, ids=name)
def test_the_image_is_named_by_digest_or_says_that_one_must_be_filled_in(path: Path) -> None:
    """14: A moved tag of the image does not reach jobs that hold an ID token."""
    found = _DIGEST_OR_PLACEHOLDER.fullmatch(read(path)["default"]["image"]["name"])
    assert found
    version, digest = found.groups()
    assert {version} == set(re.findall(r"pulumi-version: ([\d.]+)", GITHUB.read_text(encoding="utf-8")))
    if digest == "DIGEST":
        # An image of that name cannot be pulled, so a job without a digest does not start.
        page = (ROOT / "docs/guides/pipeline.md").read_text(encoding="utf-8")
        command = f"docker buildx imagetools inspect pulumi/pulumi:{version}"
        for text in (path.read_text(encoding="utf-8"), page):
            assert re.search(r"[Rr]eplace `?DIGEST", text)
            assert command in text


# Linters.


def program(name: str, remedy: str) -> str:
    """The linter's path: beside this Python, else on PATH; without it the test is skipped."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    return found or pytest.skip(f"{name} is not installed: {remedy}")


def zizmor(path: Path) -> subprocess.CompletedProcess[str]:
    found = program("zizmor", "make setup")
    # Nothing is asked of GitHub, and neither a comment nor a file can silence a finding.
    flags = ["--offline", "--no-config", "--no-ignores", "--strict-collection", "--no-progress", "--color=never"]
    return subprocess.run([found, *flags, str(path)], capture_output=True, text=True, check=False)


def actionlint(path: Path) -> subprocess.CompletedProcess[str]:
    found = program("actionlint", "make check")
    # Scripts are checked by bash in test_pipelines_commands.py; shellcheck is not on every machine.
    flags = ["-no-color", "-shellcheck=", "-pyflakes="]
    return subprocess.run([found, *flags, str(path)], capture_output=True, text=True, check=False)


LINTERS = {"zizmor": zizmor, "actionlint": actionlint}


def with_examples(path: Path, folder: Path, old: str = "", new: str = "") -> Path:
    """A copy with its commented examples in force, and with one text replaced."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    text = re.sub(r"^( *)# (- |  )", r"\1\2", text.replace(old, new, 1) if old else text, flags=re.MULTILINE)
    copy = folder / ".github/workflows" / path.name
    copy.parent.mkdir(parents=True)
    copy.write_text(text, encoding="utf-8")
    return copy


@pytest.mark.parametrize("linter", LINTERS)
@pytest.mark.parametrize("path", [*WORKFLOWS, *OWN], ids=name)
def test_a_linter_finds_nothing(linter: str, path: Path, tmp_path: Path) -> None:
    for file in (path, with_examples(path, tmp_path)):
        done = LINTERS[linter](file)
        assert done.returncode == 0, done.stdout + done.stderr

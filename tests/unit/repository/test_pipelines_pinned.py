"""What the package's pipelines download is pinned, and linters find nothing in them; what is loosened, both find."""

import re
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
    USER_GITHUB,
    USER_GITLAB,
    read,
)

WORKFLOWS = [OFFLINE_GITHUB, GITHUB, FLEET_GITHUB]
OF_USERS = [USER_GITHUB, USER_GITLAB]
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
    assert {path for path in FOLDER.glob("git*/**/*") if path.is_file()} == {*WORKFLOWS, *ON_GITLAB, *OF_USERS}


def test_actions_are_pinned_by_commit_with_the_release_in_a_comment() -> None:
    """14: A moved tag of an action does not reach jobs that hold an OIDC token."""
    used = [found for path in [*WORKFLOWS, *OWN] for found in _USES.findall(path.read_text(encoding="utf-8"))]
    assert [action for action, _ in used if not _PINNED.fullmatch(action)] == []
    assert [release for _, release in used if not re.fullmatch(r" # v\d+\.\d+\.\d+", release)] == []
    # One commit and one release for each action, in all files.
    assert len({action.partition("@")[0] for action, _ in used}) == len(set(used))


@pytest.mark.parametrize("path", [*WORKFLOWS, *ON_GITLAB], ids=name)
def test_packages_are_installed_from_the_lock_by_hash(path: Path) -> None:
    """14: A package index cannot give the pipeline other code than the lock names."""
    text = path.read_text(encoding="utf-8")
    installs = re.findall(r"pip install (.*)$", text, re.MULTILINE)
    # The fleet's parent pipeline and its child install in a job each.
    assert installs == INSTALLS * (len(installs) // 2)
    assert installs or path.name == ".gitlab-ci.yml"
    assert text.count("pip check") == len(installs) // 2


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
    match = _DIGEST_OR_PLACEHOLDER.fullmatch(read(path)["default"]["image"]["name"])
    assert match
    version, digest = match.groups()
    assert {version} == set(re.findall(r"pulumi-version: ([\d.]+)", GITHUB.read_text(encoding="utf-8")))
    if digest == "DIGEST":
        # An image of that name cannot be pulled, so a job without a digest does not start.
        page = (ROOT / "docs/tasks/pipeline.md").read_text(encoding="utf-8")
        command = f"docker buildx imagetools inspect pulumi/pulumi:{version}"
        for text in (path.read_text(encoding="utf-8"), page):
            assert re.search(r"[Rr]eplace `?DIGEST", text)
            assert command in text


# Linters.

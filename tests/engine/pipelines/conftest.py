"""What runs the printed pipelines: the programs in the cache, a wheel, and a project in Git for each test."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.errors import SandboxError
from sandbox.locking import one_at_a_time
from sandbox.parts import ACT_KIT
from sandbox.paths import cache_root
from sandbox.progress import Progress
from sandbox.store import Store
from sandbox.toolchain import build_alone
from tests.support.forge import PIPELINES, ROLE, GitHub, GitLab
from tests.support.git_project import GRANTS, KEY, STAGES, Repository
from tests.support.gitlab_server import GitLabServer
from tests.support.machine import Machine
from tests.support.wheels import build, link_packages

SOURCES = PIPELINES / "gitlab-ci-local"


@pytest.fixture(scope="session")
def act() -> Path:
    """`act`, from the cache or built."""
    try:
        return build_alone((ACT_KIT,), Console(stderr=True))["act"]
    except SandboxError as error:
        pytest.skip(f"act runs GitHub's files, and can't be built: {error}")


@pytest.fixture(scope="session")
def gitlab_ci_local() -> Path:
    """gitlab-ci-local's script, from the cache or installed into it."""
    if missing := [name for name in ("node", "npm", "rsync") if not shutil.which(name)]:
        pytest.skip(f"gitlab-ci-local runs GitLab's files, and needs {' and '.join(missing)}")
    key = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache_root() / "gitlab-ci-local" / key
    script = folder / "node_modules/gitlab-ci-local/src/index.js"
    with one_at_a_time(folder / "lock", "Another run is installing gitlab-ci-local", Progress(Console(stderr=True))):
        if not (folder / "complete").exists():
            shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if ended.returncode != 0:
                pytest.skip(f"gitlab-ci-local runs GitLab's files, and npm can't install it: {ended.stderr[:300]}")
            (folder / "complete").touch()
    return script


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build(folder / "sources", folder)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_packages(tmp_path_factory.mktemp("installed") / "packages")


@pytest.fixture
def repository(machine: Machine, store: Store, wheel: Path, tmp_path: Path) -> Iterator[Repository]:
    repository = Repository(machine, store, wheel, tmp_path)
    yield repository
    repository.remove()


@pytest.fixture
def stages(repository: Repository) -> Repository:
    """Three stages, with a workspace and a key each."""
    for stage in STAGES:
        repository.init(stage)
        repository.write(stage, **{stage: {"grants": GRANTS, "keys": {"ci": KEY}}})
    return repository


@pytest.fixture
def fleet(repository: Repository) -> Repository:
    """A fleet of three shards, of which one can't be deployed: a variable that its file reads is not there."""
    repository.init("prod", "--shards", "3")
    variable = f"{repository.workspace('b')}_ANTHROPIC".upper().replace("-", "_")
    secrets = {"runner": {"ANTHROPIC_API_KEY": {"env": variable}}}
    keys = {"ci": KEY}
    repository.write(
        "prod", a={"shard": 0, "keys": keys}, b={"shard": 1, "secrets": secrets}, c={"shard": 2, "keys": keys}
    )
    return repository


@pytest.fixture
def github(repository: Repository, act: Path, packages: Path, tmp_path: Path) -> GitHub:
    return GitHub(repository, tmp_path, packages, act)


@pytest.fixture
def gitlab(repository: Repository, gitlab_ci_local: Path, packages: Path, tmp_path: Path) -> Iterator[GitLab]:
    gitlab = GitLab(repository, tmp_path, packages, gitlab_ci_local)
    store = repository.store
    with GitLabServer(ROLE, store.access_key, store.secret_key) as gitlab.server:
        yield gitlab

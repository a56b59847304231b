"""A new user's walk: the wheel, README's commands in an empty folder, an upgrade, and the removal of everything.

The virtual environment is fresh, and it has what the lock file names without a download: links to the packages of this
repository's own. Nothing of the clone is among them, as the last step shows.
"""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components._version import VERSION
from ambient_components.cli import pages
from ambient_components.cli.init.project import WHEEL
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY
from tests.support.wheels import PACKAGE, build, link_packages

NEXT = "99.0.0"
"""Version of the upgrade."""
WORKSPACE = "walked"
"""No other test uses this name."""
_INSTALL = re.compile(r"^## Install\n.*?^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r"'git\+https://\S+@COMMIT'")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of this version and that of a later one. What they were built from is gone."""
    folder = tmp_path_factory.mktemp("wheels")
    built = {version: build(folder / version, folder, version) for version in (VERSION, NEXT)}
    for version in built:
        shutil.rmtree(folder / version)
    return built


def test_the_wheel_has_the_package_and_nothing_else(wheels: dict[str, Path]) -> None:
    sources = {path.relative_to(REPOSITORY) for path in PACKAGE.rglob("*") if path.is_file()}
    docs = {f"ambient_components/docs/{name}.md" for name in (pages.INDEX, *pages.topics().values())}
    desired = {str(path) for path in sources if not {"__pycache__", "docs"} & {*path.parts}} | docs
    names = zipfile.ZipFile(wheels[VERSION]).namelist()
    assert {name for name in names if ".dist-info/" not in name} == desired
    data = {name.removeprefix("ambient_components/") for name in names if not name.endswith(".py")}
    assert data >= {"py.typed", "templates/project/.gitignore", "templates/github/.github/workflows/workspaces.yaml"}


FUNCTIONS = """
python3() {
    "$BASE" -m venv --without-pip .venv
    echo "$PACKAGES" > "$(echo .venv/lib/*/site-packages)/packages.pth"
}
pip() { python -m pip --disable-pip-version-check "$@"; }
ambient() {
    command ambient "$@" || [ $? = 2 ]
    [ "$1" != init ] || sed -i "s/my-team:/$WORKSPACE:/; s/protect: true/protect: false/" stacks/dev.yaml
}
[ ! -e .venv/bin/activate ] || . .venv/bin/activate
"""
"""What the test does in another way than a person: no download, no question, and a workspace name of its own."""


class User:
    """A person with a folder of their own, the sandbox's cluster and engine, and no clone."""

    def __init__(self, machine: Machine, home: Path, wheels: dict[str, Path]) -> None:
        self.machine, self.home, self.wheels = machine, home, wheels
        self.folder = home / "workspaces"
        self.packages = link_packages(home / "packages")
        kept = {name: value for name, value in machine.environment.items() if not name.startswith(("PYTHON", "PIP_"))}
        path = [entry for entry in kept["PATH"].split(":") if not Path(entry).is_relative_to(REPOSITORY)]
        options = {"PULUMI_OPTION_COLOR": "never", "PULUMI_OPTION_NON_INTERACTIVE": "true", "PIP_NO_INDEX": "1"}
        self.environment = kept | options | {"PATH": ":".join(path), "BASE": sys.executable}
        self.environment |= {"PACKAGES": str(self.packages), "WORKSPACE": WORKSPACE}

    def type(self, script: str, *, where: Path | None = None) -> str:
        """Run commands in the project, or elsewhere."""
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", FUNCTIONS + script],
            cwd=where or self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        text = ended.stdout + ended.stderr
        self.machine.outputs.append(text)
        assert ended.returncode == 0, f"{script}\n{text}"
        return text


@pytest.fixture
def user(machine: Machine, tmp_path: Path, wheels: dict[str, Path]) -> Iterator[User]:
    yield User(machine, tmp_path, wheels)
    if machine.get(f"/api/v1/namespaces/{WORKSPACE}"):
        machine.delete(f"/api/v1/namespaces/{WORKSPACE}")


def test_a_new_user_installs_deploys_upgrades_and_uninstalls(user: User, wheels: dict[str, Path]) -> None:
    (script,) = _INSTALL.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert len(_ADDRESS.findall(script)) == 1
    script = _ADDRESS.sub(str(wheels[VERSION]), script).replace("ambient up dev", "ambient up dev --yes")
    printed = user.type(script, where=user.home)
    assert "Wrote Pulumi.yaml" in printed
    assert "OK: 1 workspace in 1 file" in printed
    assert f"ambient keys show dev {WORKSPACE}/ci " in printed
    assert "edit    group:my-team-devs" in printed
    token = user.type(f"ambient keys show dev {WORKSPACE}/ci --quiet")
    user.machine.outputs.pop()
    user.machine.keep_secret(token.strip(), "the token of the walk")

    # What runs is the wheel's, found by the virtual environment alone.
    where = user.type(
        "python -c 'import ambient_components, sys; print(ambient_components.__file__, *sys.path)'"
    ).split()
    assert Path(where[0]).is_relative_to(user.folder / ".venv")
    assert [path for path in where[1:] if Path(path).is_relative_to(REPOSITORY)] == []
    requirement = (user.folder / "requirements.txt").read_text().splitlines()[-1]
    assert re.fullmatch(rf"\./{WHEEL} --hash=sha256:[0-9a-f]{{64}}", requirement)
    user.type("ambient pipeline github; ambient pipeline gitlab; ambient rbac dev > role.yaml")
    assert "serviceaccounts/token" in (user.folder / "role.yaml").read_text()

    assert user.type("ambient docs guardrails").startswith("Guardrails\n")

    user.type(f"pip install --upgrade {wheels[NEXT]}")
    assert user.type("ambient --version") == f"ambient {NEXT}\n"
    user.type("pulumi preview --stack dev --refresh --expect-no-changes")

    # Without the stack: the next test may start a project of the same name.
    user.type("pulumi destroy --stack dev --yes --skip-preview --remove")
    user.machine.until(lambda: user.machine.get(f"/api/v1/namespaces/{WORKSPACE}") is None, "the workspace is gone")
    user.type("pip uninstall --yes ambient-components")
    gone = 'import importlib.util as u; assert u.find_spec("ambient_components") is None; import pulumi'
    user.type(f"python -c '{gone}'")
    left = [path for path in (user.folder / ".venv").rglob("*ambient*") if "__pycache__" not in path.parts]
    assert left == []

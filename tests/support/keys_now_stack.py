"""A stack in a folder for `ambient keys rotate --now` and `revoke --now`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ambient_components.cli.edits import deployment
from ambient_components.stacks import pulumi as cli_engine
from tests.support import projects
from tests.support.fake_api import SYSTEM_UID, FakeApi
from tests.support.keys_now import Deployed, rotated

STACK = "workspaces:\n  payments:\n    keys:\n      ci: {role: edit}\n      report: {role: view}\n"
Shown = pytest.CaptureFixture[str]


def write_project(api: FakeApi, stack: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with one stack of the fake cluster, in the working directory."""
    config = f"config: {{p:clusterUid: {SYSTEM_UID}}}\n"
    files = {"stacks/Pulumi.dev.yaml": config, "stacks/dev.yaml": stack, "kubeconfig": api.kubeconfig()}
    projects.write_project(folder, files)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """One workspace with two keys of generation 1, deployed; a rotation of ci is planned, and works."""
    with FakeApi() as api:
        write_project(api, STACK, tmp_path, monkeypatch)
        monkeypatch.setattr(deployment, "PATIENCE", 0.0)
        fake = Deployed(api)

        def made(_folder: Path, environ: Mapping[str, str]) -> Deployed:
            fake.environ = environ
            return fake

        monkeypatch.setattr(cli_engine, "PulumiEngine", made)
        fake.add("ci", 1)
        fake.add("report", 1)
        fake.steps = rotated("ci", 1, 2)

        def deployed() -> None:
            fake.add("ci", 2)
            fake.end("ci", 1)

        fake.on_up = deployed
        yield fake

"""The recordings of a terminal in the documentation are what the commands print today."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ambient_components import clock
from ambient_components.cli.init import project as init
from ambient_components.cli.init.project import PACKAGE, WHEEL, requirement_of
from ambient_components.documentation import RELEASE
from ambient_components.engine.state import written_at
from tests.support import recorded_terminal as terminal

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "docs" / "assets"
STATE = Path("examples/demo/state.json")


def compare(request: pytest.FixtureRequest, name: str, text: str) -> None:
    file = ASSETS / name
    if request.config.getoption("--update-golden"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "run this test with --update-golden, and look at the picture"


def test_the_first_command(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = {"url": f"{RELEASE}/{WHEEL}", "archive_info": {"hashes": {"sha256": "0" * 64}}}
    monkeypatch.setattr(init, "own_requirement", lambda: f"{PACKAGE} @ {requirement_of(origin)}")
    monkeypatch.chdir(tmp_path)
    args = ["init", "--project", "workspaces"]
    lines = [f"$ ambient {' '.join(args)}", *terminal.output(args).splitlines()]
    compare(
        request, "init.svg", terminal.recording("ambient init lists the files that it wrote, and what is next", lines)
    )


def test_the_plan_of_the_demo(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Pulumi.yaml", "stacks/dev.yaml", str(STATE)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    written = written_at(json.loads(STATE.read_text(encoding="utf-8")))
    assert written
    monkeypatch.setattr(clock, "now", lambda: written + timedelta(hours=1))
    monkeypatch.chdir(tmp_path)
    args = ["plan", "dev", "--offline", "--state", str(STATE)]
    shown = terminal.output(args).splitlines()
    end = next(number for number, line in enumerate(shown) if "What this page can't know" in line)
    lines = [f"$ ambient {' '.join(args)}", *shown[: end - 1]]
    description = "ambient plan shows an admin gained, other changed access, and a key that others may have copied"
    compare(request, "plan.svg", terminal.recording(description, lines))

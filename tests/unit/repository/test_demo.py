"""`make demo`: its example state, its commands, and what README shows of them."""

import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from ambient_components.engine.state import written_at

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "examples" / "demo"
STATE = DEMO / "state.json"
PLAN = ["plan", "dev", "--offline", "--state", "examples/demo/state.json"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OUTPUT = README[README.index("make demo  ") :].partition("```text\n")[2].partition("```")[0]
"""What README shows of the demo's output: parts of it, with a line of three dots between them."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the demo, without the config of a sandbox, an hour after the state was written."""
    (tmp_path / "stacks").mkdir()
    for name in ("Pulumi.yaml", "stacks/dev.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(DEMO, tmp_path / "examples" / "demo")
    written = written_at(json.loads(STATE.read_text(encoding="utf-8")))
    assert written
    monkeypatch.setattr(clock, "now", lambda: written + timedelta(hours=1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_state_holds_no_secret_and_nothing_of_a_machine() -> None:
    text = STATE.read_text(encoding="utf-8")
    assert re.findall(r"eyJ[\w-]{8,}|sk-ant-[\w-]+|\"v1:|ciphertext|plaintext", text) == []
    assert re.findall(r"/(?:home|root|work|tmp|Users)/|127\.0\.0\.1|site-packages", text) == []
    assert '"token": "[secret]"' in text
    assert len(text) < 80_000


def test_the_commands_need_neither_engine_nor_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script as it is, in this repository, with no program on PATH."""
    ended = subprocess.run(
        ["/bin/sh", "examples/demo/demo.sh"],
        cwd=ROOT, env={"PATH": "/nowhere", "https_proxy": "http://127.0.0.1:9"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    commands = [line.removeprefix("$ ") for line in ended.stdout.splitlines() if line.startswith("$ ")]
    assert [command.split()[:2] for command in commands] == [
        [".venv/bin/ambient", verb] for verb in ("validate", "access", "plan", "report")
    ]
    assert "OK: 2 workspaces in 1 file\n" in ended.stderr
    assert "Admin gained (1)" in ended.stdout
    assert "make up" in ended.stdout.splitlines()[-1]


def test_readme_shows_what_is_printed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PLAN) == 2
    printed = capsys.readouterr().out
    parts = OUTPUT.split("...\n")
    assert len(parts) > 1
    at = 0
    for part in parts:
        at = printed.find(part, at)
        assert at >= 0, f"not in this order in the output:\n{part}\n{printed}"

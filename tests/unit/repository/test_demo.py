"""`make demo`: its example state and its commands. test_recordings.py shows what they print."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "examples" / "demo"
STATE = DEMO / "state.json"


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

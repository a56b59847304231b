"""The `pulumi` program at the terminal: Ctrl-C is its to answer, however long that takes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STAND_IN = """#!{python}
import pathlib, signal, sys, time
log = pathlib.Path({log!r})
def stop(*_):
    time.sleep(1)  # the step under way
    log.write_text("saved")
    sys.exit({code})
signal.signal(signal.SIGINT, stop)
log.write_text("started")
time.sleep(30)
"""

OURS = """
import pathlib, sys
from ambient_components.cli.app import run
from ambient_components.cli import app; from ambient_components.stacks import pulumi as engine
import typer
command = typer.Typer()
@command.command()
def go() -> None:
    engine.PulumiEngine(pathlib.Path(".")).run("up", ask=True)
app.app = command
sys.exit(run([]))
"""


@pytest.mark.parametrize("code", [0, 255])
def test_an_interrupt_lets_the_engine_end_its_step(tmp_path: Path, code: int) -> None:
    log, program = tmp_path / "log", tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable, log=str(log), code=code))
    program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    process = subprocess.Popen([sys.executable, "-c", OURS], env=environ, start_new_session=True)
    try:
        for _ in range(300):
            if log.exists() and log.read_text() == "started":
                break
            time.sleep(0.1)
        # As a terminal does: to every program in front.
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 130
        assert log.read_text() == "saved"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

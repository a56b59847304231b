"""A run over a fleet whose reader goes away, or whose terminal is closed."""

import os
import signal
import sys

import pytest

from ambient_components.fleet.jobs import Job, Phase, Request
from ambient_components.fleet.processes import Interrupts
from ambient_components.fleet.progress import View
from ambient_components.shards.excluded import EXCLUDE_VARIABLE
from ambient_components.stacks.pulumi import PulumiEngine


class Broken:
    def isatty(self):
        return False

    def write(self, _):
        raise BrokenPipeError


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_view_without_a_reader_falls_silent(form, monkeypatch):
    job = Job(None, 0, "prod-00", 1, 1, "", phase=Phase.FAILED)
    monkeypatch.setattr(sys, "stdout", Broken())
    monkeypatch.setattr(sys, "stderr", Broken())
    with View(Request("up", "prod", form=form), [job]) as view:
        view.tick()
        view.ended(job)
        view.note("interrupted")


def test_a_closed_terminal_is_answered_as_ctrl_c_is():
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
    try:
        with Interrupts() as interrupts:
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
            assert [*interrupts.wait()] == [1, 2, 3]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nohup_stays_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interrupts.count == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_no_verb_inherits_what_is_to_be_held(tmp_path):
    program = tmp_path / "pulumi"
    program.write_text(f'#!/bin/sh\necho "${{{EXCLUDE_VARIABLE}-none}}"\n')
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", EXCLUDE_VARIABLE: '{"payments": []}'}
    assert PulumiEngine(tmp_path, environ).run("version").strip() == "none"

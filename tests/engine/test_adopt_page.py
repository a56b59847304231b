"""docs/tasks/adopt.md on a cluster of its own, with 30 workspaces of the UI: its commands print what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.toolchain import Toolchain
from sandbox.ui_style import histories
from tests.engine.test_getting_started import Shell, in_order, lines
from tests.support.machine import Machine, started
from tests.support.stacks import REPOSITORY

PAGE = REPOSITORY / "docs" / "tasks" / "adopt.md"
COUNT = 30
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES = re.compile(r" in [\d.]+ s:|until \d{4}-\d{2}-\d{2}")


@pytest.fixture
def cluster(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A cluster with no other workspaces: the page adopts all."""
    with started(tmp_path_factory.mktemp("adopt"), toolchain) as machine:
        for workspace in histories(COUNT):
            for path, body in workspace.objects():
                machine.create(path, body)
        yield machine


def test_three_commands_bring_30_workspaces_under_management(cluster: Machine, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    shell, reported, commands = Shell(cluster, tmp_path), "", []
    shell.type("ambient init --project workspaces")
    for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["language"] == "sh":
            commands.append(block["text"].strip())
            reported = shell.type(block["text"])
        elif block["language"] == "yaml":
            assert in_order(lines(block["text"]), lines((tmp_path / "stacks/dev.yaml").read_text())) == []
        else:
            said = lines(_VARIES.sub("VARIES", reported))
            for line in lines(_VARIES.sub("VARIES", block["text"])):
                assert any(each.startswith(line) for each in said), f"{line}\n{reported}"
    assert commands == ["ambient init dev --yes", "ambient adopt dev", "ambient up dev --yes"]
    assert "No changes" in shell.type("ambient plan dev")

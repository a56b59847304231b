"""docs/start/getting-started.md on the real engine: its commands print what the page says they print.

What differs from run to run is left out of the comparison: uids, ports, dates, days, seconds. `pip` and `kubectl` are
not of the sandbox, and neither is the pipeline: test_examples.py reads that. The walk of a new user has `pip`.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY

PAGE = REPOSITORY / "docs" / "start" / "getting-started.md"
WORKSPACE = "my-team"
"""What the page calls it; no other test does."""

_BLOCK = re.compile(
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$|^## \d\. (?P<heading>[^\n]+)$", re.MULTILINE | re.DOTALL
)
_VARIES = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\d{4}-\d{2}-\d{2}", "DATE"),
    (r"\d+ days", "DAYS"),
    (r"in \d+\.\d s", "SECONDS"),
    (r'"resourceVersion": "\d+"', "VERSION"),
)
BY_HAND = ("acp.example.com", "pip install", "kubectl auth", "kubectl apply", "ambient pipeline")
"""Steps that are not run: see above."""


def blocks() -> list[tuple[str, str, str]]:
    """Heading, language and text of each block from the first step to the last but one, the pipeline."""
    found, heading = [], ""
    for match in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        heading = match["heading"] or heading
        if match["text"] and heading:
            found.append((heading, match["language"], match["text"]))
    return found


def lines(text: str) -> list[str]:
    for pattern, name in _VARIES:
        text = re.sub(pattern, name, text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def in_order(desired: list[str], reported: list[str]) -> list[str]:
    """What is wanted and not said, or not in this order."""
    rest = iter(reported)
    return [line for line in desired if line not in rest]


@pytest.fixture
def project(machine: Machine, tmp_path: Path) -> Iterator[Path]:
    """An empty folder, but for a .venv with the package."""
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    yield tmp_path
    # The next test may start a project of the same name.
    subprocess.run(
        ["pulumi", "stack", "rm", "dev", "--yes", "--force"], cwd=tmp_path, env=machine.environment, check=False
    )
    if machine.get(f"/api/v1/namespaces/{WORKSPACE}"):
        machine.delete(f"/api/v1/namespaces/{WORKSPACE}")


class Shell:
    """A person who types what the page says."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.environment = machine.environment | {
            "PULUMI_OPTION_COLOR": "never",
            "PULUMI_OPTION_NON_INTERACTIVE": "true",
            "PULUMI_CONTINUE_ON_ERROR": "true",  # of step 2
            "PATH": f"{folder}/.venv/bin:{machine.environment['PATH']}",  # of step 1
            "PYTHONPATH": str(REPOSITORY),
        }

    def type(self, script: str, stdin: str = "") -> str:
        # There is no kubectl, and nobody to say yes.
        functions = f"kubectl() {{ echo {self.machine.cluster.url}; }}\n"
        # 2: there are changes.
        functions += 'ambient() { command ambient "$@" || [ "$1:$?" = plan:2 ]; }\n'
        script = script.replace("ambient up dev", "ambient up dev --yes")
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", functions + script],
            cwd=self.folder, env=self.environment, input=stdin,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        reported = ended.stdout + ended.stderr
        self.machine.outputs.append(reported)
        assert ended.returncode == 0, f"{script}\n{reported}"
        return reported


def test_the_page_says_what_its_commands_print(machine: Machine, project: Path) -> None:
    shell, reported, ran = Shell(machine, project), "", 0
    secret = machine.keep_secret("sk-ant-made-up-for-the-first-steps", "the secret of the page")
    for heading, language, text in blocks():
        if language == "sh" and not any(words in text for words in (*BY_HAND, "git init", "export PULUMI_BACKEND")):
            reported = shell.type(text, stdin=secret if "config set --secret" in text else "")
            ran += 1
        elif language == "yaml" and heading.startswith("A workspace"):
            (project / "stacks/dev.yaml").write_text(text)
        elif language == "text" and "Username" not in text:
            assert in_order(lines(text), lines(reported)) == [], f"{heading}:\n{reported}"
    assert ran == 6
    token = shell.type(f"ambient keys show dev {WORKSPACE}/ci --quiet")
    machine.outputs.pop()
    machine.keep_secret(token.strip(), "the token of the page")

"""The typed arguments of components are those of the models, and a type checker refuses what the models refuse."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.typed_arguments import FILE, source

ROOT = Path(__file__).parents[3]
HEAD = "import pulumi\nfrom ambient_components import ApiKey, Bucket, ClusterProviders, Grant, Workspace, Workspaces\n"
KEY = 'namespace="a", id="ci", owner="p/dev"'
BUCKET = 'endpoint="https://s3", owner="p/dev"'
PROGRAMS = {
    'Workspaces({"a": {"grants": [{"group": "devs", "rol": "edit"}]}})': "rol",
    'Workspaces({"a": {"keys": {"ci": {"lifetme": "30d"}}}})': "lifetme",
    'Workspaces({"a": {"grants": [{"group": "devs", "role": "viewer"}]}})': "role|viewer",
    'Workspaces({"a": {"settings": {"idleTimeout": "12h"}}})': "idleTimeout",
    'Workspaces({"a": {"secrets": {"runner": {"ANTHROPIC_API_KEY": 5}}}})': "ANTHROPIC_API_KEY|int",
    'Workspaces({"a": {"owners": [pulumi.Output.from_input("user:a")]}})': "Output",
    'Workspaces({"a": {}}, guardrails={"maxKeys": 5})': "guardrails",
    'Workspaces({"a": {}}, exceptions=[{"guardrail": "noAdmins", "reason": "a move"}])': "guardrail|noAdmins",
    'Workspaces({"a": {}}, acknowledge=[{"rule": "noRunnerSecret", "reason": "none"}])': "date",
    'Workspace("a", grants=[{"group": "devs", "rol": "edit"}])': "rol",
    'Workspace("a", limits={"network": {"isolated": True}})': "isolated",
    'Workspace("a", on_close={"sessions": "kill"})': "sessions|kill",
    'Workspace("a", schedules={"review": {"schedule": "0 9 * * 1"}})': "session_template",
    'Grant("a", namespace="a", group="devs", rol="edit")': "rol",
    f'ApiKey("a", {KEY}, role="viewer")': "role",
    f'Bucket("a", name="a-sessions", {BUCKET}, credentials={{"lifetme": "90d"}})': "lifetme",
    'ClusterProviders.of("a", store={"iamEndpoint": "https://s3"})': "iamEndpoint",
    'ClusterProviders.of("a", unguarded="no")': "unguarded",
}
"""Programs with one mistake each, and what the message names."""
RIGHT = """\
from datetime import date, timedelta
Workspaces(
    {"a": {
        "grants": [{"user": "ann", "from_": date(2026, 1, 1), "until": "2026-12-31"}],
        "keys": {"ci": {"lifetime": timedelta(days=30), "description": pulumi.Output.from_input("ci"), "role": None}},
        "secrets": {"runner": {"ANTHROPIC_API_KEY": pulumi.Config().require_secret("key")}},
        "settings": {"idle_timeout": timedelta(hours=12)},
        "limits": {"quota": {"pods": 50, "requests.cpu": pulumi.Output.from_input("20")}},
        "storage": {"bucket": {"name": "a-sessions"}},
    }},
    run_every=timedelta(days=1),
)
Workspace("a", storage={"bucket": {"name": "a-sessions", "endpoint": "https://s3"}}, protect=False)
ClusterProviders.of("a", cluster_uid="u", store={"endpoint": "https://s3"}, unguarded=True)
"""


def test_the_generated_file_is_fresh():
    assert FILE.read_text(encoding="utf-8") == source()


CHECKERS = {
    "mypy": ["mypy", "--strict", "--cache-dir", ".mypy_cache"],
    "pyright": ["basedpyright", "--level", "error"],
}


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_type_checker_refuses_each_mistake_and_nothing_else(tmp_path: Path, checker: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + "\n".join(PROGRAMS) + "\n" + RIGHT, encoding="utf-8")
    command = [sys.executable, "-m", *CHECKERS[checker], str(program)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    told: dict[int, str] = {}
    for line, message in re.findall(r"program\.py:(\d+):(?:\d+ -)? error: (.*(?:\n\s{4}.*)*)", printed):
        told[int(line)] = told.get(int(line), "") + message
    lines = dict(enumerate(PROGRAMS.values(), HEAD.count("\n") + 1))
    assert told.keys() == lines.keys(), printed
    assert [(named, told[line]) for line, named in lines.items() if not re.search(named, told[line])] == []

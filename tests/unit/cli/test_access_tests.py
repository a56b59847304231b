"""Access tests on the command line: where they are approved, who approves them, and the pages that list them."""

import json
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.stackfile.loader import load_stack
from tests.support.projects import write_project

TESTS = """\
accessTests:
  reviewers: [group:security]
  never:
    - {who: "user:contractor-*", role: admin}
    - {who: "<b>*", can: readSecrets}
  always: [{who: "group:sre", role: view}]
""".replace('"<b>*"', '"user:<b>*"')
PROD = """\
include: [{path: security/tests.yaml, sections: [accessTests]}]
defaults: {reviewers: [group:platform]}
workspaces:
  payments:
    owners: [group:sre]
    grants: [{user: contractor-1, role: edit}]
    secrets: {runner: {ANTHROPIC_API_KEY: {config: payments/anthropic}}}
"""
BROKEN = PROD + "    keys: {ci: {role: admin}}\n    exceptions: [{guardrail: adminKey, reason: a test}]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path, {"stacks/security/tests.yaml": TESTS, "stacks/prod.yaml": PROD})


def approve(project: Path, digest: str) -> None:
    write_project(project, {"stacks/Pulumi.prod.yaml": f"config: {{'p:accessTests': '{digest}'}}\n"})


def test_the_config_approves_the_tests(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = load_stack("stacks/prod.yaml").file.access_tests.digest
    for right in (True, False):
        approve(project, digest if right else "new")
        assert run(["validate"]) == (0 if right else 1)
    refused = capsys.readouterr().out
    assert "stacks/security/tests.yaml:1:1: error: accessTests: are not those that accessTests of the" in refused
    assert f"pulumi config set accessTests {digest}" in refused
    approve(project, digest)
    # The layout may change, the tests may not: neither a word of them, nor where the file is left out.
    write_project(project, {"stacks/security/tests.yaml": TESTS.replace(", ", ",   ") + "# a comment\n"})
    assert run(["validate"]) == 0
    write_project(project, {"stacks/security/tests.yaml": TESTS.replace("admin", "edit")})
    assert run(["validate"]) == 1
    write_project(project, {"stacks/prod.yaml": PROD.replace("include", "# include")})
    assert run(["validate"]) == 1
    assert "stacks/prod.yaml:" in capsys.readouterr().out


def test_the_file_of_the_tests_has_their_reviewers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codeowners"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["/stacks/prod.yaml @platform", "/stacks/security/tests.yaml @security"]
    # It may hold more: the stack's reviewers have a say.
    write_project(project, {"stacks/prod.yaml": PROD.replace("[accessTests]", "[accessTests, defaults]")})
    assert run(["codeowners"]) == 0
    assert "/stacks/security/tests.yaml @platform" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["access", "report"])
def test_the_pages_list_the_tests_and_whether_they_hold(
    project: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(form: str, *more: str) -> str:
        assert run([verb, "prod", "--files", "--format", form, *more]) == 0
        return capsys.readouterr().out

    first = "never {who: user:contractor-*, role: admin}"
    assert f"  holds   {first}\n" in shown("text")
    holds = {"test": "never", "who": "user:contractor-*", "role": "admin", "in": "*", "holds": True, "broken": []}
    assert json.loads(shown("json"))["tests"][0] == holds
    assert json.loads(shown("json", "--workspace", "payments"))["tests"] == []
    write_project(project, {"stacks/prod.yaml": BROKEN})
    way = "user:contractor-1: edit in payments -> adminKey -> admin in payments"
    assert f"  broken  {first}: {way}\n" in shown("text")
    begins = {"subject": "user:contractor-1", "begins": "payments", "role": "edit"}
    assert json.loads(shown("json"))["tests"][0] == holds | {
        "holds": False,
        "broken": [{"workspace": "payments", **begins, "path": ["adminKey"]}],
    }
    assert way in shown("markdown")
    page = shown("html")
    assert "Access tests" in page
    assert way.replace(">", "&gt;") in page
    assert "user:&lt;b&gt;*" in page
    assert "user:<b>" not in page

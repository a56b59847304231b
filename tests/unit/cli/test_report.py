"""`ambient report`: of a state and of files, as text, JSON and Markdown, and its exit codes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ambient_components._version import VERSION
from ambient_components.access.escalation.findings import MEANINGS
from ambient_components.cli.app import run
from ambient_components.cli.report.forms import (
    Report,
    as_json,
    as_markdown,
    as_text,
)
from ambient_components.cluster.guard_objects import InstalledGuard
from ambient_components.engine import backend
from ambient_components.rules.escalation_paths import Path as EscalationPath
from ambient_components.stacks.guard_report import GuardReport
from ambient_components.stacks.reading import ledger_from_state
from tests.support.ledgers import escalations
from tests.support.projects import write_project

STACK = """\
workspaces:
  payments:
    owners: [user:alice@example.com]
    grants: [{group: payments-devs, role: edit}, {user: bob@example.com}]
    keys:
      ci: {role: edit}
      cleanup: {role: admin}
    exceptions: [{guardrail: adminKey, reason: tried here}]
    secrets: {integrations: {GITHUB_TOKEN: {env: PAYMENTS_HUNTER2}}}
  reports:
    grants: [{group: auditors}]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path, {"stacks/prod.yaml": STACK})


def entry(**grants):
    return {"state": "active", "owners": [], "grants": grants, "keys": {}}


def report(ledger, source="state"):
    return Report("prod", source, len(ledger), tuple(escalations(ledger)))


TEXT = """\
prod, as of the files: 1 high, 6 medium, 4 low, in 2 of 2 workspaces

payments: 1 high, 5 medium, 4 low

  high    group:payments-devs (edit), key ci (edit) can become admin
  how     edit may mint a token of any ServiceAccount of the namespace, that of key cleanup too, and the token still
          works after the grant is gone
  change  - keys.cleanup.role: edit or view, or no such key and a person's grant of admin
          - give view instead of edit to users who only read
          - after either of them raise keys.cleanup.generation: it ends what was minted until then
          - guardrails.isolateAdminKeys: true in the stack file refuses an admin key beside edit from then on
          - guard: {mode: deny}, where the cluster has the guard, closes it

"""


def test_files_details_text(project, capsys):
    assert run(["report", "prod", "--files", "--verbose"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(TEXT)
    assert "\n\nreports: 1 medium\n\n  medium  group:auditors (view) can read and write the session data" in text
    assert "HUNTER2" not in text
    assert all(len(line) <= 120 for line in text.splitlines())
    assert all(line == line.rstrip() for line in text.splitlines())


def test_the_state_is_what_the_last_run_declared(project, capsys, monkeypatch):
    ledger = {"type": "ambient:index:AccessLedger", "inputs": {"workspaces": {"old": entry(**{"group:g": "edit"})}}}
    other = {"type": "kubernetes:core/v1:Namespace", "inputs": {}}
    monkeypatch.setattr(backend, "export", lambda *_: {"deployment": {"resources": [other, ledger]}})
    assert run(["report", "prod", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["source"], document["workspaces"]) == ("state", 1)
    assert {finding["workspace"] for finding in document["findings"]} == {"old"}


def test_a_stack_that_has_deployed_nothing_says_so(project, capsys, monkeypatch):
    monkeypatch.setattr(backend, "export", lambda *_: {"deployment": {}})
    assert run(["report", "prod"]) == 1
    assert "stack 'prod' has deployed nothing yet\n  hint: ambient up prod" in capsys.readouterr().err


def test_a_state_without_a_ledger_has_none():
    assert ledger_from_state({}) == {}
    assert ledger_from_state({"deployment": {"resources": None}}) == {}


def test_a_ledger_pending_deletion_says_nothing_of_the_present():
    urn = "urn:pulumi:prod::p::ambient:index:AccessLedger::access"
    current, former = (
        {"type": "ambient:index:AccessLedger", "urn": urn, "inputs": {"workspaces": {"pay": {"owners": [owner]}}}}
        for owner in ("user:now", "user:former")
    )
    state = {"deployment": {"resources": [current, {**former, "delete": True}]}}
    entry = ledger_from_state(state)["pay"]
    assert [str(owner) for owner in entry.owners] == ["user:now"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["--fail-on", "high"], 2),
        (["--fail-on", "low", "-w", "payments"], 2),
        (["--fail-on", "high", "--workspace", "reports"], 0),
        (["--fail-on", "medium", "--workspace", "reports"], 2),
        (["--fail-on", "medium", "--workspace", "reports", "-w", "payments"], 2),
        (["--fail-on", "worst"], 64),
        (["--format", "yaml"], 64),
        (["--workspace", "report"], 1),
    ],
)
def test_exit_codes(project, capsys, words, code):
    assert run(["report", "prod", "--files", *words]) == code


def test_of_one_workspace_the_whole_stack_counts(project, capsys):
    """Whoever mints in another workspace is found though only this one is shown."""
    text = STACK.replace("grants: [{group: auditors}]", "owners: [serviceaccount:payments:bot]")
    (project / "stacks" / "prod.yaml").write_text(text)
    assert run(["report", "prod", "--files", "--workspace", "reports"]) == 0
    text = capsys.readouterr().out
    assert "in 1 of 1 workspace\n" in text
    assert "  high    group:payments-devs (edit in payments), key ci (edit in payments)" in text
    assert "\npayments:" not in text


JSON_FIELDS = [
    "workspace",
    "path",
    "severity",
    "who",
    "can",
    "becomes",
    "how",
    "remedy",
    "keys",
    "closedBy",
    "weakenedBy",
]


def test_json_is_what_the_help_says():
    document = json.loads(as_json(report({"w": entry(**{"group:g": "edit"})})))
    assert list(document) == [
        "version",
        "stack",
        "source",
        "selected",
        "workspaces",
        "summary",
        "guard",
        "findings",
        "tests",
    ]
    assert document["version"] == 1
    assert document["summary"] == {"high": 0, "medium": 3, "low": 3, "closed": 0}
    assert all(list(finding) == JSON_FIELDS for finding in document["findings"])
    first = document["findings"][0]
    assert first["who"] == [{"workspace": "w", "subject": "group:g", "role": "edit", "reason": "grant"}]
    assert (first["path"], first["severity"], first["becomes"], first["keys"]) == ("creatorNote", "medium", None, [])


def test_nothing_found_is_said():
    for details in (False, True):
        text = as_text(report({}), details=details)
        assert text == "prod, as of the last run: no subject can become more than was granted"
    assert json.loads(as_json(report({})))["findings"] == []


def test_who_can_is_others_where_it_is_nobody_of_the_stack():
    ledger = {"w": {**entry(), "keys": {"r": {"role": "view", "generation": 1, "deliver": "ci/payments"}}}}
    assert "others can use key r (view)" in as_text(report(ledger), details=True)


def test_of_many_the_first_few_are_named_and_the_rest_is_counted():
    text = " ".join(
        as_text(report({"w": entry(**{f"user:{number:02}": "edit" for number in range(40)})}), details=True).split()
    )
    assert "user:05 (edit) and 34 more can act as any user" in text
    assert "user:06" not in text


HOSTILE = "group:a|b\n| x | <img src=x> [l](http://h) `c` *b* @team\x1b[31m"


@pytest.mark.parametrize("name", [HOSTILE, "group:```", "user:` @team", "````"])
def test_a_name_is_no_markup_in_markdown(name):
    _, _, fence, *lines, last = as_markdown(report({name: entry(**{name: "edit"})}), details=True).splitlines()
    assert fence == f"{last}text"
    assert set(last) == {"`"}
    assert all(last not in line for line in lines)
    assert "\x1b" not in "".join(lines)


def test_a_name_moves_no_cursor_in_text():
    text = as_text(report({"w": entry(**{HOSTILE: "edit"})}), details=True)
    assert "\x1b" not in text
    assert "\n| x" not in text


OVERVIEW = """\
prod, as of the files: 1 high, 6 medium, 4 low, in 2 of 2 workspaces

        path                                      workspaces
high    edit takes over an admin key              1: payments
medium  edit and admin act as any user, with SSO  1: payments
        edit and admin run sessions as any user   1: payments
        every role reads the store's credentials  2: payments, reports
        edit and admin keep the power of keys     1: payments
        sessions read the workspace's secrets     1: payments
low     edit reads every Secret, as a session     1: payments
        edit reads the keys of language models    1: payments
        edit gives edit to others                 1: payments
        edit takes others' access away            1: payments

Details and what to change: --verbose, or --workspace payments
"""


def test_it_is_an_overview_by_default(project, capsys):
    assert run(["report", "prod", "--files"]) == 0
    assert capsys.readouterr().out == OVERVIEW


EVERYTHING = {
    "state": "active",
    "owners": ["serviceaccount:elsewhere:bot", "serviceaccount:team-0:bot"],
    "grants": {"group:devs": "edit", "pipeline:github:acme/payments:123456@main": "view"},
    "keys": {
        "admin": {"role": "admin", "generation": 1},
        "fixed": {"role": "edit", "generation": 1, "static": True, "never": True},
        "out": {"role": "view", "generation": 1, "deliver": "ci/payments", "actsAs": "ci-robot"},
    },
    "secrets": {"runner": {"ANTHROPIC_API_KEY": "config pay/key"}},
    "schedules": {"review": {"schedule": "0 9 * * *", "runAs": "ci-robot"}},
}


def test_a_screen_holds_every_path_of_fifty_workspaces():
    shown = report({f"team-{number}": EVERYTHING for number in range(50)})
    assert {finding.path for finding in shown.findings} == set(MEANINGS) - {EscalationPath.UNDECLARED_ACCESS}
    lines = as_text(shown).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[3] == "high    edit takes over an admin key              50: team-0, team-1, +48"


def test_the_overview_paints_the_worst():
    shown = report({"w": EVERYTHING})
    painted = as_text(shown, lambda text, look: f"<{look} {text}>").splitlines()
    assert painted[3].startswith("<loud high  >  edit takes")


def test_markdown_is_an_overview_too(project, capsys):
    assert run(["report", "prod", "--files", "--format", "markdown"]) == 0
    assert f"```text\n{OVERVIEW}```\n" in capsys.readouterr().out
    assert run(["report", "prod", "--files", "--format", "markdown", "--workspace", "payments"]) == 0
    assert "\npayments: 1 high" in capsys.readouterr().out


def test_json_has_all_findings_of_both(project, capsys):
    shown = []
    for words in ([], ["--verbose"]):
        assert run(["report", "prod", "--files", "--format", "json", *words]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert len(json.loads(shown[0])["findings"]) == 11


ISOLATED = "guardrails: {isolateAdminKeys: true}\n" + STACK.replace("adminKey,", "adminKeyWithEditors,").replace(
    "    secrets:", "    limits: {network: {}}\n    secrets:"
)


@pytest.mark.parametrize(("stack", "advised"), [(STACK, True), (ISOLATED, False)])
def test_what_is_followed_is_not_advised(project, capsys, stack, advised):
    (project / "stacks" / "prod.yaml").write_text(stack)
    assert run(["report", "prod", "--files", "--verbose"]) == 0
    text = capsys.readouterr().out
    assert ("limits.network.isolate: true" in text) is advised
    assert ("guardrails.isolateAdminKeys: true" in text) is advised


def test_the_state_says_which_guardrails_are_followed(project, capsys, monkeypatch):
    keys = {"cleanup": {"role": "admin", "generation": 1}}
    for guardrails, advised in [({}, True), ({"isolateAdminKeys": True}, False)]:
        workspaces = {"pay": {**entry(**{"group:g": "edit"}), "keys": keys}}
        ledger = {
            "type": "ambient:index:AccessLedger",
            "inputs": {"workspaces": workspaces, "guardrails": guardrails},
        }
        monkeypatch.setattr(backend, "export", lambda *_, ledger=ledger: {"deployment": {"resources": [ledger]}})
        assert run(["report", "prod", "--verbose"]) == 0
        assert ("guardrails.isolateAdminKeys: true" in capsys.readouterr().out) is advised


PAGE = (Path(__file__).parents[3] / "docs/concepts/security.md").read_text(encoding="utf-8")
PROD = PAGE.partition("```yaml\n")[2].partition("```")[0]
GUARDED = PROD.replace("workspaces:", "defaults: {guard: {mode: deny, sharing: view}}\nworkspaces:", 1)


def test_the_page_shows_what_the_command_says(project, capsys):
    command = "ambient report prod --files"
    shown = PAGE.partition(f"$ {command}\n")[2].partition("```")[0]
    assert PROD.startswith("# stacks/prod.yaml\n")
    (project / "stacks/prod.yaml").write_text(PROD)
    assert run(command.split()[1:]) == 0
    assert capsys.readouterr().out == shown


def test_of_a_guarded_stack_only_reads_stay_above_low(project, capsys):
    (project / "stacks/guarded.yaml").write_text(GUARDED)
    assert run(["report", "guarded", "--files", "--format", "json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    above = {(each["path"], each["weakenedBy"]) for each in findings if each["severity"] in ("high", "medium")}
    assert above == {
        # A pod shows the store's credentials, and a session has the workspace's Secrets as variables.
        ("storeInPods", None),
        ("sessionSecrets", None),
        # The write of another user's id is refused. A session reads the token of that user's session in its Secret.
        ("creatorNote", "creatorNote"),
        ("sessionUser", "sessionUser"),
    }
    assert {each["path"]: each["closedBy"] for each in findings if each["severity"] == "closed"} == {
        "adminKey": "tokens",
        "keptToken": "tokens",
        "grantsEdit": "sharing",
        "removesAccess": "removesAccess",
    }


def test_closed_paths_are_shown_with_their_rule(project, capsys):
    (project / "stacks/guarded.yaml").write_text(GUARDED)
    assert run(["report", "guarded", "--files", "--workspace", "payments"]) == 0
    details = capsys.readouterr().out
    assert "  closed  group:payments-devs (edit), key ci (edit) could become admin" in details
    assert "  closed  by the guard's rule tokens" in details
    assert "  guard   weakened by the guard's rule sessionUser: a session reads every Secret here" in details
    assert "keys.cleanup.role" not in details


ASSUMED = "\nclosed if the cluster has the guard: --live looks; --fail-on counts it as open\n"


def test_a_gate_counts_what_an_assumed_guard_closes(project, capsys):
    (project / "stacks/guarded.yaml").write_text(GUARDED)
    assert run(["report", "guarded", "--files", "--fail-on", "high"]) == 2
    assert ASSUMED in capsys.readouterr().out
    assert run(["report", "guarded", "--files", "--fail-on", "high", "-w", "reports"]) == 0
    capsys.readouterr()
    (project / "stacks/prod.yaml").write_text(PROD)
    assert run(["report", "prod", "--files"]) == 0
    assert ASSUMED not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("installed", "counted"),
    [
        (None, True),
        (InstalledGuard((VERSION,), missing=("ambient-guard-tokens",)), True),
        (InstalledGuard(("0.0.1",)), True),
        (InstalledGuard((VERSION,)), False),
    ],
)
def test_a_gate_trusts_a_guard_that_was_seen(installed, counted):
    keys = {"root": {"role": "admin", "generation": 1}}
    ledger = {"pay": entry(**{"group:devs": "edit"}) | {"keys": keys, "guard": {"mode": "deny"}}}
    shown = replace(report(ledger), guard=GuardReport({}, installed))
    assert shown.has_as_severe(["high"]) is counted
    assert (ASSUMED in as_text(shown)) is counted

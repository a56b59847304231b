"""Reports of a stack file: everything at once and in order, once each, and no secret in it."""

import re

import pytest

from ambient_components.stackfile import parse_stack
from ambient_components.stackfile.loader import review_stack
from tests.support.stack_problems import LIFETIMES, SUBJECTS, WORKSPACE_FIELDS, in_workspace, problems_of

RUNNER_KEYS = "allowed: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY"
HOW = (
    "put the value into the stack's encrypted config with `pulumi config set --secret pay/anthropic` "
    "and write {config: pay/anthropic}"
)
PLAIN = "is a plain value, and secrets don't belong in this file"


@pytest.mark.parametrize(
    ("secrets", "problems"),
    [
        ("{runner: {ANTHROPIC_API_KEY: hunter2}}", [f"3:43: runner.ANTHROPIC_API_KEY: {PLAIN}; {HOW}"]),
        ("{runner: {ANTHROPIC_API_KEY: [hunter2]}}", [f"3:43: runner.ANTHROPIC_API_KEY: {PLAIN}; {HOW}"]),
        ("{runner: {ANTHROPIC_API_KEY: }}", [f"3:43: runner.ANTHROPIC_API_KEY: is empty; {HOW}"]),
        (
            "{runner: {ANTHROPIC_API_KEY: {hunter2: }}}",
            [
                "3:44: runner.ANTHROPIC_API_KEY.…: is a field that doesn't exist; "
                "allowed: config, env, file, secret, value"
            ],
        ),
        (
            "{runner: {ANTHROPIC_API_KEY: {config: 'hunter2 !'}}}",
            [
                "3:52: runner.ANTHROPIC_API_KEY.config: is not the name of a value in the stack's config; "
                "allowed: 1-128 of A-Z a-z 0-9 . _ / -, such as payments/anthropic"
            ],
        ),
        (
            "{runner: {ANTHROPIC_API_KEY: {config: sk-ant-hunter2}}}",
            [
                "3:52: runner.ANTHROPIC_API_KEY.config: looks like a credential, not like its name; "
                "write the name of a value in the stack's encrypted config; if it is a credential, revoke it"
            ],
        ),
        (
            "{runner: {ANTHROPIC_API_KEY: {config: [hunter2]}}}",
            ["3:52: runner.ANTHROPIC_API_KEY.config: is a list; allowed: text"],
        ),
        (
            "{runner: {hunter2: {config: pay/x}}}",
            [f"3:24: runner.…: is a key that the runner secret doesn't take; {RUNNER_KEYS}"],
        ),
        (
            "{runner: {anthropic_api_key: {config: pay/x}}}",
            [
                f"3:24: runner.…: is a key that the runner secret doesn't take; {RUNNER_KEYS}; "
                "did you mean 'ANTHROPIC_API_KEY'?"
            ],
        ),
        (
            "{runner: hunter2}",
            ["3:23: runner: is text; allowed: a mapping, such as {ANTHROPIC_API_KEY: {config: NAME}}"],
        ),
        ("{runner: {}}", [f"3:23: runner: is an empty secret; {RUNNER_KEYS}; leave runner out for no secret"]),
        (
            "{runer: {hunter2: hunter2}}",
            ["3:15: …: is a field that doesn't exist; allowed: runner, integrations, onDrift; did you mean 'runner'?"],
        ),
        ("hunter2", ["3:14: : is text; allowed: a mapping, such as {runner: {ANTHROPIC_API_KEY: {config: NAME}}}"]),
    ],
)
def test_secrets_are_never_quoted(secrets, problems):
    got = problems_of(in_workspace(f"secrets: {secrets}"))
    expected = [
        re.sub(r"^(\d+:\d+): ([^:]*): ", lambda m: f"{m[1]}: workspaces.pay.secrets{m[2] and '.' + m[2]}: ", problem)
        for problem in problems
    ]
    assert got == [f"x.yaml:{problem}" for problem in expected]
    assert "hunter2" not in "".join(got)


def test_a_secret_that_slipped_out_of_its_section_is_not_quoted():
    got = problems_of("workspaces:\n  pay:\n    runner:\n      ANTHROPIC_API_KEY: hunter2\n    secret: hunter2\n")
    assert got == [
        f"x.yaml:3:5: workspaces.pay.runner: 'runner' is not a field; {WORKSPACE_FIELDS}; "
        "did you mean 'secrets.runner'?",
        f"x.yaml:5:5: workspaces.pay.secret: 'secret' is not a field; {WORKSPACE_FIELDS}; did you mean 'secrets'?",
    ]


EVERYTHING = """\
workspaces:
  kube-system: {protect: yes}
  Research: 5
  pay:
    displayNam: Pay
    owners: ["user:kim@x.org", bob, "group:kim-x-org"]
    grants:
      - {user: dan, role: admni}
      - {user: a@b}
      - {role: view}
      - {user: a-b}
      - {user: A@B, role: admin}
    keys:
      ci: {lifetime: 5m}
      ci: {}
      Ci: {role: [x]}
    secrets:
      runner:
        ANTHROPIC_API_KEY: hunter2
        NOBODY: {config: pay/x}
"""


def test_everything_is_reported_at_once_and_in_order():
    assert problems_of(EVERYTHING) == [
        "x.yaml:2:3: workspaces.kube-system: 'kube-system' is reserved by Kubernetes or OpenShift; choose another name",
        "x.yaml:2:26: workspaces.kube-system.protect: is text; allowed: true or false; did you mean true?",
        "x.yaml:3:3: workspaces.Research: 'Research' can't name a workspace; "
        "allowed: 2-63 of a-z 0-9 -, a letter first, no dash at the end; did you mean 'research'?",
        "x.yaml:3:13: workspaces.Research: is a number; allowed: a mapping",
        f"x.yaml:5:5: workspaces.pay.displayNam: 'displayNam' is not a field; {WORKSPACE_FIELDS}; "
        "did you mean 'displayName'?",
        f"x.yaml:6:32: workspaces.pay.owners[1]: 'bob' is not a subject; {SUBJECTS}",
        "x.yaml:6:37: workspaces.pay.owners[2]: 'group:kim-x-org' and 'user:kim@x.org' both become the RoleBinding "
        "'ambient-admin-kim-x-org', at x.yaml:6:14; make one of them an admin under grants",
        "x.yaml:8:27: workspaces.pay.grants[0].role: 'admni' is not a role; allowed: view, edit, admin; "
        "did you mean 'admin'?",
        "x.yaml:10:9: workspaces.pay.grants[2]: names neither a user nor a group; "
        "allowed: exactly one of them, as {user: NAME} or {group: NAME}",
        "x.yaml:11:16: workspaces.pay.grants[3].user: 'a-b' and 'a@b' both become the RoleBinding "
        "'ambient-permission-view-a-b-user', at x.yaml:9:16; give one of them another role, or access through a group",
        "x.yaml:12:16: workspaces.pay.grants[4].user: user 'A@B' has a grant already, at x.yaml:9:16; "
        "keep one grant a subject (upper and lower case count as equal)",
        f"x.yaml:14:22: workspaces.pay.keys.ci.lifetime: 5m is too short; {LIFETIMES}",
        "x.yaml:15:7: workspaces.pay.keys.ci: 'ci' is here twice, first at x.yaml:14:7; keep one of them",
        "x.yaml:16:7: workspaces.pay.keys.Ci: 'Ci' can't be a key's id; "
        "allowed: 1-63 of a-z 0-9 and single dashes between them; did you mean 'ci'?",
        "x.yaml:16:18: workspaces.pay.keys.Ci.role: is a list; allowed: view, edit, admin",
        f"x.yaml:19:28: workspaces.pay.secrets.runner.ANTHROPIC_API_KEY: {PLAIN}; {HOW}",
        f"x.yaml:20:9: workspaces.pay.secrets.runner.…: is a key that the runner secret doesn't take; {RUNNER_KEYS}",
    ]


def test_warnings_stop_nothing_and_are_in_no_error():
    text = in_workspace("settings: {mcpServers: {disabled: [nope]}}\nprotect: PROTECT")
    reported = "x.yaml:3:40: workspaces.pay.settings.mcpServers.disabled[0]: 'nope' is no server of this workspace; "
    loaded = parse_stack(text.replace("PROTECT", "true"), "x.yaml")
    assert [str(problem).startswith(reported) for problem in loaded.warnings] == [True]
    wrong = "x.yaml:4:14: workspaces.pay.protect: is text; allowed: true or false"
    assert problems_of(text) == [wrong]
    review = review_stack("x.yaml", text)
    assert [(problem.warning, str(problem)) for problem in review.problems] == [
        (True, str(loaded.warnings[0])),
        (False, wrong),
    ]
    assert review.stack is None


def test_a_missing_field_hides_nothing_else():
    text = in_workspace(
        "settings: {caBundle: {}}\nsecrets: {integrations: {A: {secret: {name: x, key: y}}, B_TOKEN: {config: c}}}\n"
        "grants: [{user: a}, {user: A}]"
    )
    assert problems_of(text) == [
        "x.yaml:3:26: workspaces.pay.settings.caBundle.file: is missing; add it",
        "x.yaml:4:42: workspaces.pay.secrets.integrations.….secret.namespace: is missing; add it",
        "x.yaml:5:32: workspaces.pay.grants[1].user: user 'A' has a grant already, at x.yaml:5:21; "
        "keep one grant a subject (upper and lower case count as equal)",
    ]


def test_a_faulty_list_that_two_workspaces_share_is_reported_once():
    text = "workspaces:\n  aa: {grants: &g [{user: x, role: z}, {user: b}, {user: B}]}\n  bb: {grants: *g}\n"
    bad_role = "'z' is not a role; allowed: view, edit, admin"
    twice = (
        "user 'B' has a grant already, at x.yaml:2:47; keep one grant a subject (upper and lower case count as equal)"
    )
    assert problems_of(text) == [
        f"x.yaml:2:36: workspaces.aa.grants[0].role: {bad_role}",
        f"x.yaml:2:58: workspaces.aa.grants[2].user: {twice}",
    ]

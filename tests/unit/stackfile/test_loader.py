import re
from pathlib import Path

import pytest

from ambient_components.errors import AmbientError
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import parse_subject
from ambient_components.rules.states import WorkspaceState
from ambient_components.stackfile import (
    Bucket,
    BucketCredentials,
    Grant,
    GuardrailException,
    Key,
    Secrets,
    Source,
    StackFile,
    Workspace,
    load_stack,
    parse_stack,
)
from ambient_components.stackfile.loader import review_stack

ROOT = Path(__file__).parents[3]
LIFETIMES = (
    "allowed: never, or durations from 10m to 1y, a whole number and a unit of s, m, h, d or y (365 days), "
    "such as 30d or 12h"
)
SUBJECTS = "allowed: user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME"
WORKSPACE_FIELDS = (
    "allowed: template, displayName, description, owners, reviewers, grants, keys, secrets, storage, settings, limits, "
    "labels, annotations, podSecurity, protect, state, onClose, adopt, exceptions, shard"
)
RUNNER_KEYS = "allowed: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY"


def problems_of(text):
    with pytest.raises(AmbientError) as caught:
        parse_stack(text, "x.yaml")
    return str(caught.value).split("\n")


def in_workspace(text):
    """Put fields into workspace `pay`; they begin on line 3, column 5."""
    return "workspaces:\n  pay:\n" + "".join(f"    {line}\n" for line in text.splitlines())


def test_the_example_shows_every_field():
    loaded = load_stack(ROOT / "stacks/dev.yaml")
    payments = loaded.file.workspaces["payments"]
    shown = [model.model_fields_set for model in (payments, payments.keys["ci"], payments.secrets)]
    # What hardly anybody needs is there as a comment.
    of_a_key = {"overlap_until", "adopt", "warn_ahead", "deliver", "retain", "static"}
    of_a_workspace = {"exceptions", "shard", "on_close"}
    in_comments = {Workspace: of_a_workspace, Key: of_a_key, Secrets: set()}
    assert shown == [set(model.model_fields) - left_out for model, left_out in in_comments.items()]
    text = (ROOT / "stacks/dev.yaml").read_text()
    assert all(f"# {Key.model_fields[field].alias or field}: " in text for field in of_a_key)
    assert all(f"    # {Workspace.model_fields[field].alias or field}:" in text for field in of_a_workspace)
    parts = (Bucket, BucketCredentials, GuardrailException)
    fields = {field.alias or name for model in parts for name, field in model.model_fields.items()}
    assert {field for field in fields if not re.search(rf"\b{field}: ", text)} == set()


def test_what_the_example_has_as_comments_is_good_without_their_signs():
    text = (ROOT / "stacks/dev.yaml").read_text()
    start = text.index("    # exceptions:")
    block = re.match(r"(    #.*\n)+", text[start:])[0]
    text = text.replace(block, re.sub(r"(?m)^    # ", "    ", block))
    for field in ("expireAfter", "encryption", "force"):
        text = re.sub(rf"(?m)^( +)# {field}: ", rf"\1{field}: ", text)
    bucket = parse_stack(text, "dev.yaml").file.workspaces["payments"].storage.bucket
    assert (bucket.name, bucket.driver, bucket.expire_after_days) == ("payments-sessions", "s3", 90)
    assert (bucket.encryption, bucket.on_delete, bucket.force) == ("AES256", "delete", True)


def test_the_example_says_what_its_comments_say():
    workspaces = load_stack(ROOT / "stacks/dev.yaml").file.workspaces
    access = {
        name: [*map(str, workspace.owners), *((str(grant.subject), str(grant.role)) for grant in workspace.grants)]
        for name, workspace in workspaces.items()
    }
    keys = {
        (name, key_id): (key.label(key_id), str(key.role), key.lifetime)
        for name, workspace in workspaces.items()
        for key_id, key in workspace.keys.items()
    }
    assert (access, keys) == (
        {
            "payments": [
                "user:alice@example.com",
                ("group:payments-devs", "edit"),
                ("user:bob@example.com", "view"),
                ("user:carol@example.com", "admin"),
            ],
            "research": ["serviceaccount:ci:workspace-admin", ("group:data-science", "view")],
        },
        {
            ("payments", "ci"): ("GitHub Actions of payments-api", "edit", 30 * 86_400),
            ("payments", "nightly-report"): ("nightly-report", "view", 90 * 86_400),
        },
    )


def test_a_file_becomes_models():
    text = in_workspace(
        "displayName: Pay\nowners: [serviceaccount:ci:bot]\ngrants: [{user: bob}]\nkeys: {ci: {generation: 2}}\n"
        "secrets: {runner: {GEMINI_API_KEY: {config: pay/gemini}}}\nprotect: false\nstate: closed"
    )
    expected = StackFile(
        workspaces={
            "pay": Workspace(
                displayName="Pay",
                owners=[parse_subject("serviceaccount:ci:bot")],
                grants=[Grant(user="bob", role=Role.VIEW)],
                keys={"ci": Key(role=Role.EDIT, lifetime="90d", generation=2)},
                secrets=Secrets(runner={"GEMINI_API_KEY": Source(config="pay/gemini")}),
                protect=False,
                state=WorkspaceState.CLOSED,
            )
        }
    )
    assert parse_stack(text, "x.yaml").file == expected


def test_an_empty_entry_has_the_platforms_defaults():
    workspace = parse_stack("workspaces: {pay: {}}", "x.yaml").file.workspaces["pay"]
    expected = {
        "display_name": "",
        "description": "",
        "owners": [],
        "reviewers": [],
        "grants": [],
        "keys": {},
        "secrets": {"runner": {}, "integrations": {}, "on_drift": {"runner": "overwrite", "integrations": "overwrite"}},
        "storage": {"bucket": None},
        "settings": {"idle_timeout": None, "mcp_servers": None, "feature_flags": {}, "ca_bundle": None},
        "limits": {"containers": None, "quota": {}, "network": None},
        "labels": {},
        "annotations": {},
        "pod_security": None,
        "template": None,
        "protect": True,
        "state": "active",
        "on_close": {"sessions": "stop", "wait": 120},
        "adopt": False,
        "exceptions": [],
        "shard": None,
    }
    assert workspace.model_dump() == expected


def test_later_steps_can_ask_for_places():
    loaded = parse_stack(in_workspace("grants:\n  - {user: bob}"), "x.yaml")
    assert (str(loaded.sources.value(("workspaces", "pay", "grants", 0, "user"))), loaded.path) == (
        "x.yaml:4:16",
        "x.yaml",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "x.yaml:1:1: workspaces: is missing; add it; write {} for none"),
        ("workspaces:", "x.yaml:1:12: workspaces: is empty; allowed: a mapping; write {} for an empty one"),
        ("workspaces: [a]", "x.yaml:1:13: workspaces: is a list; allowed: a mapping, such as {NAME: {}}"),
        ("workspaces: {pay: }", "x.yaml:1:19: workspaces.pay: is empty; allowed: a mapping; write {} for an empty one"),
        (
            "workspaces: {}\nworkspace: {}",
            "x.yaml:2:1: workspace: 'workspace' is not a field; allowed: include, timezone, runEvery, "
            "exceptions, guardrails, stacks, defaults, templates, workspaces; "
            "did you mean 'workspaces'?",
        ),
    ],
)
def test_problems_of_the_file_as_a_whole(text, problem):
    assert problems_of(text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # Fields and types
        (
            "displayname: Pay",
            f"3:5: workspaces.pay.displayname: 'displayname' is not a field; {WORKSPACE_FIELDS}; "
            "did you mean 'displayName'?",
        ),
        (
            "display_name: Pay",
            f"3:5: workspaces.pay.display_name: 'display_name' is not a field; {WORKSPACE_FIELDS}; "
            "did you mean 'displayName'?",
        ),
        ("rubbish: 1", f"3:5: workspaces.pay.rubbish: 'rubbish' is not a field; {WORKSPACE_FIELDS}"),
        ("displayName: 2026", "3:18: workspaces.pay.displayName: is a number; allowed: text; put it in quotes"),
        (
            "displayName: 1.5",
            "3:18: workspaces.pay.displayName: is a number with a fraction; allowed: text; put it in quotes",
        ),
        ("displayName: true", "3:18: workspaces.pay.displayName: is true; allowed: text; put it in quotes"),
        ("displayName: [a]", "3:18: workspaces.pay.displayName: is a list; allowed: text"),
        ("displayName: ", "3:17: workspaces.pay.displayName: is empty; allowed: text"),
        (
            "grants: {user: bob}",
            "3:13: workspaces.pay.grants: is a mapping; allowed: a list, such as [{user: NAME, role: edit}]",
        ),
        (
            "grants: [bob]",
            "3:14: workspaces.pay.grants[0]: is text; allowed: a mapping, "
            "such as {user: NAME, role: edit} or {group: NAME}",
        ),
        ("protect: yes", "3:14: workspaces.pay.protect: is text; allowed: true or false; did you mean true?"),
        ("protect: 1", "3:14: workspaces.pay.protect: is a number; allowed: true or false"),
        (
            "state: closd",
            "3:12: workspaces.pay.state: 'closd' is not a state; allowed: active, closed, released; "
            "did you mean 'closed'?",
        ),
        ("state: 1", "3:12: workspaces.pay.state: is a number; allowed: active, closed, released"),
        # Limits
        (f"displayName: {'a' * 101}", "3:18: workspaces.pay.displayName: has 101 characters; allowed: up to 100"),
        (f"description: {'a' * 501}", "3:18: workspaces.pay.description: has 501 characters; allowed: up to 500"),
        (
            f"keys: {{ci: {{name: {'a' * 65}}}}}",
            "3:23: workspaces.pay.keys.ci.name: has 65 characters; allowed: up to 64",
        ),
        (
            f"keys: {{ci: {{description: {'a' * 201}}}}}",
            "3:30: workspaces.pay.keys.ci.description: has 201 characters; allowed: up to 200",
        ),
        # Owners and grants
        ("owners: [bob]", f"3:14: workspaces.pay.owners[0]: 'bob' is not a subject; {SUBJECTS}"),
        ("owners: [17]", f"3:14: workspaces.pay.owners[0]: is a number; {SUBJECTS}"),
        (
            "owners: [user: bob]",
            f"3:14: workspaces.pay.owners[0]: is a mapping, not a subject; {SUBJECTS}, without a space after the colon",
        ),
        (
            "owners: ['user: bob']",
            "3:14: workspaces.pay.owners[0]: ' bob' begins or ends with a space; "
            "remove it: names are compared byte by byte",
        ),
        (
            "grants: [{user: ''}]",
            "3:21: workspaces.pay.grants[0].user: the name is empty; allowed: 1-253 bytes without control characters",
        ),
        (
            "grants: [{user: bob, role: admni}]",
            "3:32: workspaces.pay.grants[0].role: 'admni' is not a role; allowed: view, edit, admin; "
            "did you mean 'admin'?",
        ),
        (
            "grants: [{user: bob, role: [view]}]",
            "3:32: workspaces.pay.grants[0].role: is a list; allowed: view, edit, admin",
        ),
        (
            "grants: [{user: bob, group: devs}]",
            "3:14: workspaces.pay.grants[0]: names a user and a group; "
            "allowed: exactly one of them, as {user: NAME} or {group: NAME}",
        ),
        (
            "grants: [{role: view}]",
            "3:14: workspaces.pay.grants[0]: names neither a user nor a group; "
            "allowed: exactly one of them, as {user: NAME} or {group: NAME}",
        ),
        # Keys
        ("keys: {ci: {lifetime: 599s}}", f"3:27: workspaces.pay.keys.ci.lifetime: 599s is too short; {LIFETIMES}"),
        ("keys: {ci: {lifetime: 1y1s}}", f"3:27: workspaces.pay.keys.ci.lifetime: 1y1s is too long; {LIFETIMES}"),
        (
            "keys: {ci: {lifetime: nevr}}",
            f"3:27: workspaces.pay.keys.ci.lifetime: 'nevr' is not a duration; {LIFETIMES}; did you mean 'never'?",
        ),
        ("keys: {ci: {lifetime: 90}}", f"3:27: workspaces.pay.keys.ci.lifetime: 90 has no unit; {LIFETIMES}"),
        (
            "keys: {ci: {generation: 0}}",
            "3:29: workspaces.pay.keys.ci.generation: 0 is too low; allowed: whole numbers from 1",
        ),
        (
            "keys: {ci: {generation: 1.5}}",
            "3:29: workspaces.pay.keys.ci.generation: is a number with a fraction; allowed: a whole number",
        ),
        (
            "keys: {ci: {generation: true}}",
            "3:29: workspaces.pay.keys.ci.generation: is true; allowed: a whole number",
        ),
        (
            "keys: {ci: {lifetme: 1d}}",
            "3:17: workspaces.pay.keys.ci.lifetme: 'lifetme' is not a field; "
            "allowed: name, description, role, lifetime, rotateBefore, overlap, rotate, "
            "generation, overlapUntil, adopt, warnAhead, static, deliver, retain; did you mean 'lifetime'?",
        ),
        # Whole-file checks, one each; test_checks_*.py have the rest
        (
            "keys: {a--b: {}}",
            "3:12: workspaces.pay.keys.a--b: 'a--b' can't be a key's id; "
            "allowed: 1-63 of a-z 0-9 and single dashes between them; did you mean 'a-b'?",
        ),
        (
            "grants: [{user: a@b}, {user: a-b}]",
            "3:34: workspaces.pay.grants[1].user: 'a-b' and 'a@b' both become the RoleBinding "
            "'ambient-permission-view-a-b-user', at x.yaml:3:21; "
            "give one of them another role, or access through a group",
        ),
        (
            "grants: []\ngrants: []",
            "4:5: workspaces.pay.grants: 'grants' is here twice, first at x.yaml:3:5; keep one of them",
        ),
    ],
)
def test_problems_of_a_workspace(text, problem):
    assert problems_of(in_workspace(text)) == [f"x.yaml:{problem}"]


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
    said = "x.yaml:3:40: workspaces.pay.settings.mcpServers.disabled[0]: 'nope' is no server of this workspace; "
    loaded = parse_stack(text.replace("PROTECT", "true"), "x.yaml")
    assert [str(problem).startswith(said) for problem in loaded.warnings] == [True]
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


def test_the_models_can_not_be_changed():
    workspace = parse_stack("workspaces: {pay: {}}", "x.yaml").file.workspaces["pay"]
    with pytest.raises(ValueError, match="frozen"):
        workspace.protect = False


def test_every_field_is_documented_for_the_schema():
    schema = StackFile.model_json_schema()
    models = [schema, *(part for part in schema["$defs"].values() if "properties" in part)]
    missing = [
        (model["title"], name)
        for model in models
        for name, field in model["properties"].items()
        if not field.get("description")
    ]
    assert (len(models), missing) == (29, [])

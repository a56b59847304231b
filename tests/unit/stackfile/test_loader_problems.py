"""Problems of a stack file, each at its place."""

import pytest

from tests.support.stack_problems import LIFETIMES, SUBJECTS, WORKSPACE_FIELDS, in_workspace, problems_of


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
            "exceptions, acknowledge, guardrails, stacks, defaults, templates, workspaces; "
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
            "generation, overlapUntil, adopt, serviceAccount, actsAs, warnAhead, static, deliver, retain; "
            "did you mean 'lifetime'?",
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

"""Models of secrets: where they come from, and that no fault quotes one."""

import pytest

from tests.support.stack_models import OR_PLAIN, SECRET_REMEDY, SOURCES, in_workspace, problems_of


@pytest.mark.parametrize(
    ("secrets", "problems"),
    [
        (
            {"runner": {"ANTHROPIC_API_KEY": "hunter2"}},
            [
                (
                    "runner.ANTHROPIC_API_KEY",
                    "is a plain value, and secrets don't belong in this file",
                    SECRET_REMEDY.format("pay/anthropic"),
                )
            ],
        ),
        (
            {"integrations": {"GITHUB_TOKEN": "hunter2", "A": None}},
            [
                (
                    "integrations.GITHUB_TOKEN",
                    "is a plain value, and secrets don't belong in this file",
                    SECRET_REMEDY.format("pay/github-token") + OR_PLAIN,
                ),
                ("integrations.A", "is empty", SECRET_REMEDY.format("pay/name") + OR_PLAIN),
            ],
        ),
        (
            {"integrations": {"A": {}, "B": {"config": "x", "env": "hunter2"}}},
            [
                ("integrations.A", "has none of config, env, file, secret, value", SOURCES),
                ("integrations.B", "has config and env", SOURCES),
            ],
        ),
        (
            {"integrations": {"A": {"hunter2": ""}}},
            [
                (
                    "integrations.A.hunter2",
                    "is a field that doesn't exist",
                    "allowed: config, env, file, secret, value",
                )
            ],
        ),
        ({"integrations": {"A": {"config": None}}}, [("integrations.A.config", "is empty", "allowed: text")]),
        (
            {"integrations": {"A": {"secret": None}}},
            [("integrations.A.secret", "is empty", "allowed: a mapping; write {} for an empty one")],
        ),
        (
            {"integrations": {"A": {"env": "ghp_hunter2"}}},
            [
                (
                    "integrations.A.env",
                    "looks like a credential, not like the name of a variable",
                    "write where the value is found; if it is a credential, revoke it",
                )
            ],
        ),
        (
            {"integrations": {"A": {"env": "hunter2!"}}},
            [
                (
                    "integrations.A.env",
                    "is not the name of a variable",
                    "allowed: A-Z a-z 0-9 _, no digit first, such as PAYMENTS_GITHUB_TOKEN",
                )
            ],
        ),
        (
            {"integrations": {"A": {"file": "sk-hunter2"}, "B": {"file": "-----BEGIN\nhunter2"}, "C": {"file": ""}}},
            [
                (
                    "integrations.A.file",
                    "looks like a credential, not like a path",
                    "write the path of a file; if it is a credential, revoke it",
                ),
                *(
                    (
                        f"integrations.{name}.file",
                        "is not a path",
                        "allowed: the path of a file, relative to the file that says it",
                    )
                    for name in "BC"
                ),
            ],
        ),
        (
            {"integrations": {"A": {"value": "Bearer ghp_hunter2hunter2"}}},
            [
                (
                    "integrations.A.value",
                    "looks like a credential",
                    "give it by config, env, file or secret, such as {config: NAME}; revoke it if it was committed",
                )
            ],
        ),
        (
            {"integrations": {"A": {"secret": {"namespace": "Hunter2", "name": "hunter2!", "key": "hunter 2"}}}},
            [
                (
                    "integrations.A.secret.namespace",
                    "is not the name of a namespace",
                    "allowed: 1-63 of a-z 0-9 -, no dash at either end",
                ),
                ("integrations.A.secret.name", "is not the name of a Secret", "allowed: 1-253 of a-z 0-9 - ."),
                (
                    "integrations.A.secret.key",
                    "is not a key of a Secret",
                    "allowed: 1-253 of A-Z a-z 0-9 . _ -, such as token",
                ),
            ],
        ),
        (
            {"integrations": {"A": {"secret": {"name": "hunter2"}}}},
            [
                ("integrations.A.secret.namespace", "is missing", "add it"),
                ("integrations.A.secret.key", "is missing", "add it"),
            ],
        ),
        (
            {"onDrift": {"runner": "keeep"}},
            [
                (
                    "onDrift.runner",
                    "'keeep' is not a drift policy",
                    "allowed: overwrite, keep; did you mean 'keep'?",
                )
            ],
        ),
    ],
)
def test_faults_of_secrets_are_named_and_never_quoted(secrets, problems):
    got = in_workspace(secrets=secrets)
    assert got == [(f"secrets.{path}", problem, remedy) for path, problem, remedy in problems]
    assert "hunter" not in str([(problem, remedy) for _, problem, remedy in got]).lower()


@pytest.mark.parametrize(
    ("data", "reference"),
    [
        ({"defaults": {"secrets": {"runner": {"ANTHROPIC_API_KEY": "x"}}}}, "shared/anthropic"),
        ({"templates": {"team": {"secrets": {"runner": {"GEMINI_API_KEY": "x"}}}}}, "team/gemini"),
    ],
)
def test_a_secret_in_the_defaults_is_brought_in_under_a_fitting_name(data, reference):
    ((_, _, remedy),) = problems_of(data)
    assert remedy == SECRET_REMEDY.format(reference)

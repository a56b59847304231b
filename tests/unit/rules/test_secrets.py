"""What is never a source of a secret: one list, and every credential that this tool or its pipelines have is on it."""

import re
from pathlib import Path

import pytest

from ambient_components.rules import secrets
from ambient_components.rules.secrets import (
    config_problem,
    credential_files,
    namespace_problem,
    path_problem,
    variable_problem,
)
from tests.support.pipelines import FLEET_SHARD, GITLAB

ROOT = Path(__file__).parents[3]


def test_all_of_our_own_config_is_on_the_list() -> None:
    """Every row of the page's table of the stack's config, and everything that the program reads by name."""
    page = (ROOT / "docs/reference/stack-file.md").read_text(encoding="utf-8")
    table = page[page.index("## The stack's config") :]
    assert {*re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)} == secrets.CONFIG
    code = (ROOT / "ambient_components/program/stack_settings.py").read_text(encoding="utf-8")
    read = {*re.findall(r'config\.get\("(\w+)"\)|_flag\(config, "(\w+)"', code)}
    assert {name for pair in read for name in pair if name} <= secrets.CONFIG
    assert all(config_problem(name) for name in secrets.CONFIG)
    assert config_problem("payments/anthropic") is None


@pytest.mark.parametrize(
    "name",
    [
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_ACCESS_TOKEN",
        "pulumi_config_passphrase",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "KUBECONFIG",
        "GITHUB_TOKEN",
        "CI_JOB_TOKEN",
        "CI_JOB_JWT_V2",
        "AZURE_CLIENT_SECRET",
        "ARM_CLIENT_SECRET",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "VAULT_TOKEN",
        "SYSTEM_ACCESSTOKEN",
    ],
)
def test_a_credential_of_the_run_is_never_a_source(name: str) -> None:
    assert variable_problem(name) is not None


@pytest.mark.parametrize(
    "name",
    ["PAYMENTS_GITHUB_TOKEN", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "NPM_TOKEN"],
)
def test_a_variable_of_ones_own_is_a_source(name: str) -> None:
    assert variable_problem(name) is None


def test_the_variables_of_the_example_pipelines_are_on_the_list() -> None:
    """Each forge's identity tokens have names that the pipeline chooses."""
    for file in (GITLAB, FLEET_SHARD):
        text = file.read_text(encoding="utf-8")
        names = re.findall(r"^ +(\w+): \{aud: ", text, re.MULTILINE)
        assert names
        assert all(variable_problem(name) for name in names)


@pytest.mark.parametrize(
    ("path", "never"),
    [
        ("/proc/self/environ", True),
        ("/proc", True),
        ("/processes/x", False),
        ("/dev/stdin", True),
        ("/sys/x", True),
        ("/run/secrets/kubernetes.io/serviceaccount/token", True),
        ("/run/secrets/payments/token", False),
        ("stacks/.git/config", True),
        ("kubeconfig", True),
        ("a/kubeconfig.yaml", True),
        ("prod.kubeconfig", True),
        ("stacks/Pulumi.prod.yaml", True),
        ("stacks/Pulumi.prod.yml", True),
        ("STACKS/.GIT/config", True),
        ("secrets/.npmrc", True),
        ("/run/secrets/payments/..data/token", False),
        ("/home/x/.kube/config", True),
        ("/home/x/.aws/credentials", True),
        ("teams/token.txt", False),
    ],
)
def test_paths(path: str, never: bool) -> None:  # a row of the table
    assert (path_problem(path) is not None) is never


@pytest.mark.parametrize(
    ("namespace", "never"),
    [
        ("kube-system", True),
        ("kube-anything", True),
        ("openshift", True),
        ("openshift-config", True),
        ("ambient-code", True),
        ("acp", True),
        ("openshifters", False),
        ("vault-sync", False),
        ("kubernetes", False),
    ],
)
def test_namespaces(namespace: str, never: bool) -> None:  # a row of the table
    assert (namespace_problem(namespace, "acp") is not None) is never


def test_files_that_the_runs_variables_name() -> None:
    found = credential_files(
        {"KUBECONFIG": "/a:/b", "PULUMI_CONFIG_PASSPHRASE_FILE": "/c", "HOME": "/home/x", "PAYMENTS_FILE": "/d"}
    )
    assert found[:3] == ["/a", "/b", "/c"]
    assert "/home/x/.kube/config" in found
    assert "/d" not in found

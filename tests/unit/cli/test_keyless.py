"""`ambient keyless` without a cluster: what it prints for the pipelines of stack files, and what it refuses."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ambient_components.cli.app import run
from ambient_components.output import USAGE
from ambient_components.platform.naming import key_account
from tests.support.fake_api import Answer, FakeApi
from tests.support.keys_now import REVIEW
from tests.support.projects import write_project

GRANT = "{pipeline: {github: {repository: acme/payments, id: 1, branch: main}}}"
GITLAB = "{project: acme/api, id: 2, branch: main, issuer: 'https://git.example.com'}"
OWN = f"{{pipeline: {{gitlab: {GITLAB}}}, from: 2099-01-01}}"
FILES = {
    "stacks/dev.yaml": f"workspaces: {{pay: {{grants: [{GRANT}]}}}}\n",
    "stacks/prod.yaml": f"workspaces: {{pay: {{grants: [{GRANT}, {OWN}]}}}}\n",
    "stacks/none.yaml": "workspaces: {pay: {grants: [{user: alice}]}}\n",
    "stacks/accounts.yaml": "workspaces: {pay: {owners: ['serviceaccount:ci:bot'], keys: {ci: {role: edit}}}}\n",
    "stacks/aks.yaml": "workspaces: {pay: {grants: [{user: 'aks:jwt:github:acme/payments:1@main'}]}}\n",
    "stacks/two.yaml": "workspaces: {pay: {grants: ["
    "{pipeline: {issuer: {url: 'https://git.example.com', subject: x}}}]}}\n",
    "ca.pem": "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path, FILES, "ours")


def test_one_file_has_the_issuers_of_several_stacks_and_of_later_grants(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["keyless", "dev", "prod", "--audience", "a", "--audience", "b", "--ca", "https://git.example.com=ca.pem"]
    assert run(words) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# For kube-apiserver --authentication-config")
    assert "certificateAuthority: |" in printed
    content = yaml.safe_load(printed)
    assert content["apiVersion"] == "apiserver.config.k8s.io/v1"
    assert [jwt["issuer"] for jwt in content["jwt"]] == [
        {
            "url": "https://git.example.com",
            "certificateAuthority": FILES["ca.pem"],
            "audiences": ["a", "b"],
            "audienceMatchPolicy": "MatchAny",
        },
        {
            "url": "https://token.actions.githubusercontent.com",
            "audiences": ["a", "b"],
            "audienceMatchPolicy": "MatchAny",
        },
    ]


def test_users_of_aks_are_pipelines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keyless", "aks", "--audience", "a"]) == 0
    assert "url: https://token.actions.githubusercontent.com" in capsys.readouterr().out


REFUSED = {
    ("dev",): (USAGE, "choose a text of this cluster's own"),
    ("dev", "--audience", "https://github.com/acme"): (USAGE, "is GitHub's default"),
    ("none", "--audience", "a"): (1, "no grant to a pipeline"),
    ("prod", "two", "--audience", "a"): (USAGE, "is the issuer of gitlab and of issuer"),
    ("dev", "--audience", "a", "--ca", "ca.pem"): (USAGE, "is not ISSUER=FILE"),
    ("dev", "--audience", "a", "--ca", "https://x=none.pem"): (USAGE, "No such file"),
    ("dev", "--audience", "a", "--ca", "https://x=ca.pem"): (USAGE, "no pipeline has this issuer"),
    ("dev", "prod", "--check"): (USAGE, "name one"),
    ("dev", "--check"): (USAGE, "there is none"),
}


@pytest.mark.parametrize(("words", "expected"), REFUSED.items(), ids=[" ".join(words) for words in REFUSED])
def test_what_is_refused(
    words: tuple[str, ...],
    expected: tuple[int, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("not one word\n"))
    code, text = expected
    assert run(["keyless", *words]) == code
    error = capsys.readouterr().err
    assert text in error
    assert "not one word" not in error


@pytest.fixture
def api(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.setattr("sys.stdin", io.StringIO("token\n"))
    with FakeApi() as server:
        (project / "kubeconfig").write_text(server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(project / "kubeconfig"))
        yield server


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_cluster_that_does_not_say_who_a_token_is(
    status: int, api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.rule("POST", REVIEW, Answer(status, {"kind": "Status"}))
    assert run(["keyless", "dev", "--check", "--files"]) == 1
    error = capsys.readouterr().err
    assert ("refuses the token" if status == 401 else f"does not say who the token is for: {status}") in error


@pytest.mark.parametrize(
    ("kubeconfig", "expected"),
    [
        ("http://127.0.0.1:1", "the cluster at http://127.0.0.1:1 does not answer"),
        ("http://api.example.com", "http://api.example.com would get the token without encryption"),
        ("", "no cluster to ask"),
    ],
)
def test_a_cluster_that_is_not_asked(
    kubeconfig: str, expected: str, api: FakeApi, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "kubeconfig").write_text(kubeconfig and api.kubeconfig().replace(api.url, kubeconfig))
    assert run(["keyless", "dev", "--check", "--files"]) == 1
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("ci:bot", "  pay  admin  owner to serviceaccount:ci:bot"),
        (f"pay:{key_account('pay', 'ci', 1)}", "  pay  edit  key to key:ci"),
    ],
)
def test_the_check_knows_service_accounts_and_keys(
    account: str, expected: str, api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    user = {"username": f"system:serviceaccount:{account}", "groups": ["system:authenticated"]}
    api.rule("POST", REVIEW, Answer(201, {"status": {"userInfo": user}}))
    assert run(["keyless", "accounts", "--check", "--files"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [expected]


def test_the_check_takes_no_header(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Bearer secret\n"))
    assert run(["keyless", "dev", "--check"]) == USAGE
    error = capsys.readouterr().err
    assert "without the word Bearer" in error
    assert "secret" not in error

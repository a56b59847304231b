"""`ambient keyless` without a cluster: what it prints for the pipelines of stack files, and what it refuses."""

import io
from pathlib import Path

import pytest
import yaml

from ambient_components.cli.app import run
from ambient_components.output import USAGE
from tests.support.projects import write_project

GRANT = "{pipeline: {github: {repository: acme/payments, id: 1, branch: main}}}"
GITLAB = "{project: acme/api, id: 2, branch: main, issuer: 'https://git.example.com'}"
OWN = f"{{pipeline: {{gitlab: {GITLAB}}}, from: 2099-01-01}}"
FILES = {
    "stacks/dev.yaml": f"workspaces: {{pay: {{grants: [{GRANT}]}}}}\n",
    "stacks/prod.yaml": f"workspaces: {{pay: {{grants: [{GRANT}, {OWN}]}}}}\n",
    "stacks/none.yaml": "workspaces: {pay: {grants: [{user: alice}]}}\n",
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


REFUSED = {
    ("dev",): (USAGE, "choose a text of this cluster's own"),
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

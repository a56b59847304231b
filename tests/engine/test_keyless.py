"""A pipeline's own token at the API server: its name in CEL is that in Python, and no other job has it.

The issuers are the tests' own, under the names of the public ones where a name is part of the rule.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambient_components.platform.authentication import authentication_configuration, issuers_of
from ambient_components.platform.pipelines import (
    GITHUB,
    GITLAB,
    ClusterPipeline,
    GitHubPipeline,
    GitLabPipeline,
    IssuerPipeline,
    Pipeline,
    parse_pipeline,
)
from sandbox.api import Api, ApiError
from sandbox.backend import Backend
from tests.support.machine import Machine
from tests.support.oidc_issuer import AUDIENCE, Issuer
from tests.support.pipelines import USER_GITHUB, USER_GITLAB, jobs, read, run_bash
from tests.support.stacks import PATIENCE, REPOSITORY, Stack

REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass(frozen=True)
class Forges:
    """Issuers that the API server knows, and one that it does not."""

    machine: Machine
    github: Issuer
    enterprise: Issuer
    gitlab: Issuer
    cluster: Issuer
    other: Issuer
    unknown: Issuer

    def user(self, token: str) -> str | None:
        """Return the user that the API server takes a token for."""
        api = Api(self.machine.cluster.url, self.machine.cluster.ca_file, token)
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            reviewed = api.request("POST", REVIEWS, json.dumps(body).encode())
        except ApiError as error:
            if error.status != 401:
                raise
            return None
        return str(reviewed["status"]["userInfo"]["username"])


@pytest.fixture(scope="module")
def forges(machine: Machine) -> Iterator[Forges]:
    cluster = machine.cluster
    with ExitStack() as entered:
        names = (GITHUB, "", GITLAB, "", "", "")
        forges = Forges(machine, *(entered.enter_context(Issuer(cluster, name)) for name in names))
        known = [
            GitHubPipeline("acme/payments", 123456, branch="main"),
            GitHubPipeline("acme/payments", 123456, branch="main", issuer=forges.enterprise.url),
            GitLabPipeline("acme/shop/api", 20, branch="main"),
            ClusterPipeline(forges.cluster.url, "ci", "deployer"),
            IssuerPipeline(forges.other.url, "organization:acme"),
        ]
        made = authentication_configuration(issuers_of(known), [AUDIENCE], {}, "v1")
        for jwt in made["jwt"]:
            jwt["issuer"] |= next(
                f.found_here() for f in vars(forges).values() if getattr(f, "url", "") == jwt["issuer"]["url"]
            )
        file = machine.directory / "authentication.yaml"
        file.write_text(yaml.safe_dump(made))
        cluster.restart_api_server([f"--authentication-config={file}"])
        try:
            token = forges.other.token("ready")
            # The API server reads the issuers' keys in its own time.
            machine.until(lambda: forges.user(token) is not None, "the issuers are known")
            yield forges
        finally:
            cluster.restart_api_server([])


def github(issuer: Issuer, ref: str = "refs/heads/main", event: str = "push", **claims: Any) -> str:
    """Return the token of a job on GitHub; nothing looks at its `sub`."""
    repository = {"repository": "acme/payments", "repository_id": "123456", "repository_owner_id": "9"}
    return issuer.token("repo:any", **{"ref": ref, "event_name": event, "ref_type": "branch", **repository, **claims})


def gitlab(issuer: Issuer, ref_path: str = "refs/heads/main", source: str = "push", **claims: Any) -> str:
    project = {"project_path": "acme/shop/api", "project_id": "20", "ref_protected": "true"}
    return issuer.token("project_path:any", **{"ref_path": ref_path, "pipeline_source": source, **project, **claims})


def account(issuer: Issuer, subject: str = "system:serviceaccount:ci:deployer", **claims: Any) -> str:
    return issuer.token(subject, **claims)


PAYMENTS = "acme/payments", 123456
API = "acme/shop/api", 20

NAMED: dict[str, tuple[Callable[[Forges], str], Callable[[Forges], Pipeline]]] = {
    "github branch": (lambda f: github(f.github), lambda _: GitHubPipeline(*PAYMENTS, branch="main")),
    "github other branch": (
        lambda f: github(f.github, "refs/heads/feature/a@b"), lambda _: GitHubPipeline(*PAYMENTS, branch="feature/a@b")
    ),
    "github branch that only git makes so": (
        lambda f: github(f.github, "refs/heads/-x"), lambda _: GitHubPipeline(*PAYMENTS, branch="-x")
    ),
    "github tag": (lambda f: github(f.github, "refs/tags/v1"), lambda _: GitHubPipeline(*PAYMENTS, tags=True)),
    "github environment": (
        lambda f: github(f.github, environment="prod"), lambda _: GitHubPipeline(*PAYMENTS, environment="prod")
    ),
    "github environment that spells a tag": (
        lambda f: github(f.github, environment="tag:*"), lambda _: GitHubPipeline(*PAYMENTS, environment="tag:*")
    ),
    "github schedule": (
        lambda f: github(f.github, event="schedule"), lambda _: GitHubPipeline(*PAYMENTS, branch="main")
    ),
    "github repository made again": (
        lambda f: github(f.github, repository_id="999"), lambda _: GitHubPipeline("acme/payments", 999, branch="main")
    ),
    "github enterprise": (
        lambda f: github(f.enterprise), lambda f: GitHubPipeline(*PAYMENTS, branch="main", issuer=f.enterprise.url)
    ),
    "gitlab branch": (lambda f: gitlab(f.gitlab), lambda _: GitLabPipeline(*API, branch="main")),
    "gitlab branch without protection": (
        lambda f: gitlab(f.gitlab, ref_protected="false"),
        lambda _: GitLabPipeline(*API, branch="main", protected=False),
    ),
    "gitlab tag": (lambda f: gitlab(f.gitlab, "refs/tags/v1"), lambda _: GitLabPipeline(*API, tags=True)),
    "gitlab project made again": (
        lambda f: gitlab(f.gitlab, project_id="21"), lambda _: GitLabPipeline("acme/shop/api", 21, branch="main")
    ),
    "service account": (lambda f: account(f.cluster), lambda f: ClusterPipeline(f.cluster.url, "ci", "deployer")),
    "any issuer": (
        lambda f: f.other.token("system:masters"), lambda f: IssuerPipeline(f.other.url, "system:masters")
    ),
}  # fmt: skip


@pytest.mark.parametrize(("token", "pipeline"), NAMED.values(), ids=NAMED)
def test_the_api_server_spells_the_name_as_we_do(
    token: Callable[[Forges], str], pipeline: Callable[[Forges], Pipeline], forges: Forges
) -> None:
    name = forges.user(token(forges))
    assert name == pipeline(forges).user_name
    assert parse_pipeline(name) == pipeline(forges)


REFUSED: dict[str, Callable[[Forges], str]] = {
    "a pull request, also of a fork": lambda f: github(f.github, "refs/pull/7/merge", "pull_request"),
    "a pull request in an environment": lambda f: github(
        f.github, "refs/pull/7/merge", "pull_request", environment="prod"
    ),
    "a pull request with the base branch's ref": lambda f: github(f.github, event="pull_request_target"),
    "a run after a stranger's": lambda f: github(f.github, event="workflow_run"),
    "a stranger's comment": lambda f: github(f.github, event="issue_comment"),
    "an event of tomorrow": lambda f: github(f.github, event="new"),
    "no event": lambda f: github(f.github, event=None),
    "another audience": lambda f: github(f.github, aud="https://github.com/acme"),
    "expired": lambda f: github(f.github, exp=1_700_000_000),
    "another issuer": lambda f: github(f.unknown),
    "another issuer under GitHub's name": lambda f: github(f.unknown, iss=GITHUB),
    "GitHub's job from GitLab": lambda f: github(f.gitlab),
    "a merge request, also of a fork": lambda f: gitlab(f.gitlab, source="merge_request_event"),
    "a merge request's child": lambda f: gitlab(f.gitlab, source="parent_pipeline"),
    "a project that a merge request elsewhere starts": lambda f: gitlab(f.gitlab, source="pipeline"),
    "the holder of a trigger token": lambda f: gitlab(f.gitlab, source="trigger"),
    "an external pull request": lambda f: gitlab(f.gitlab, source="external_pull_request_event"),
    "a merge request's ref": lambda f: gitlab(f.gitlab, "refs/merge-requests/1/head"),
    "another audience at GitLab": lambda f: gitlab(f.gitlab, aud="https://gitlab.com"),
    "a user of the other cluster": lambda f: account(f.cluster, "system:admin"),
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED)
def test_all_other_tokens_are_refused(token: Callable[[Forges], str], forges: Forges) -> None:
    assert forges.user(token(forges)) is None


LIES: dict[str, Callable[[Forges], str]] = {
    "enterprise": lambda f: github(f.enterprise, repository="github:acme/payments", environment="x@main"),
    "an empty repository": lambda f: github(f.enterprise, repository="", repository_id="", ref="refs/heads/"),
    "another cluster": lambda f: account(f.cluster, "system:serviceaccount:github:acme/payments:123456@main"),
    "any issuer": lambda f: f.other.token("github:acme/payments:123456@main"),
    "a line break": lambda f: f.other.token("\ngithub:acme/payments:123456@main"),
    "a member of a group": lambda f: f.other.token("system:admin", groups=["system:masters"]),
}


@pytest.mark.parametrize("token", LIES.values(), ids=LIES)
def test_an_issuer_that_lies_forges_its_own_names_alone(token: Callable[[Forges], str], forges: Forges) -> None:
    name = forges.user(token(forges))
    assert name is not None
    assert "+127.0.0.1+" in name.partition(":")[0]
    assert forges.machine.request("GET", "/api/v1/secrets", token=token(forges)) == 403


FILE = """\
workspaces:
  THIS:
    protect: false
    grants:
      - {pipeline: {github: {repository: acme/payments, id: 123456, branch: main}}, role: edit}
      - {pipeline: {gitlab: {project: acme/shop/api, id: 20, branch: main}}, role: view}
    secrets: {runner: {ANTHROPIC_API_KEY: {config: anthropic}}}
  THIS-b:
    protect: false
    grants: [{user: alice@example.com, role: admin}]
"""


@pytest.fixture
def granted(forges: Forges, stack: Stack) -> Stack:
    stack.secret("anthropic")
    stack.write(FILE)
    stack.up().ok()
    return stack


def ambient(stack: Stack, *words: str, token: str = "") -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [str(REPOSITORY / ".venv/bin/ambient"), "keyless", stack.name, *words],
        cwd=stack.folder, env=stack.environment, input=token, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert not token or token not in ended.stdout + ended.stderr
    return ended


def sessions(stack: Stack, workspace: str = "") -> str:
    return f"/apis/vteam.ambient-code/v1alpha1/namespaces/{workspace or stack.w}/agenticsessions"


def test_a_grant_holds_for_its_pipeline_in_its_workspace_alone(granted: Stack, forges: Forges) -> None:
    body = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "spec": {"initialPrompt": "x"}}
    body["metadata"] = {"generateName": "s-"}

    def start(token: str, workspace: str = "") -> int:
        return forges.machine.request("POST", sessions(granted, workspace), token=token, body=body)

    assert start(github(forges.github)) == 200
    assert start(github(forges.github), f"{granted.w}-b") == 403
    assert start(github(forges.github, "refs/heads/other")) == 403
    assert start(github(forges.github, environment="prod")) == 403
    assert start(github(forges.github, repository_id="999")) == 403
    assert start(github(forges.enterprise)) == 403
    assert start(github(forges.github, event="pull_request_target")) == 401
    assert start(gitlab(forges.gitlab)) == 403
    assert forges.machine.request("GET", sessions(granted), token=gitlab(forges.gitlab)) == 200
    assert forges.machine.request("GET", sessions(granted), token=gitlab(forges.gitlab, ref_protected="false")) == 403


def test_the_printed_configuration_has_the_issuers_of_the_stack(granted: Stack) -> None:
    printed = yaml.safe_load(ambient(granted, "--audience", AUDIENCE).stdout)
    known = [parse_pipeline("github:a/b:1@main"), parse_pipeline("gitlab:a/b:1@main")]
    assert printed == authentication_configuration(issuers_of(filter(None, known)), [AUDIENCE], {}, "v1")
    assert ambient(granted, "--v1beta1", "--audience", "x").stdout.count("apiserver.config.k8s.io/v1beta1") == 1
    assert "is missing" in ambient(granted).stderr


def test_the_check_says_who_a_token_is_and_never_prints_it(granted: Stack, forges: Forges) -> None:
    name = "github:acme/payments:123456@main"
    known = ambient(granted, "--check", token=github(forges.github))
    assert known.stdout.splitlines() == [
        f"For the API server the token is {name}.",
        f"Its grants in {granted.name}:",
        f"  {granted.w}  edit  grant to pipeline:{name}",
    ]
    shown = json.loads(ambient(granted, "--check", "--format", "json", token=github(forges.github)).stdout)
    assert (shown["user"], shown["issuer"]) == (name, GITHUB)
    grant = {"workspace": granted.w, "subject": f"pipeline:{name}", "role": "edit", "reason": "grant"}
    assert shown["grants"] == [grant]

    other = ambient(granted, "--check", token=github(forges.github, "refs/heads/mian"))
    assert (other.returncode, other.stdout.splitlines()[1:]) == (
        2,
        [f"It has no grant in {granted.name}.", f"hint: did you mean {name!r}?"],
    )
    refused = ambient(granted, "--check", token=github(forges.github, event="pull_request_target", aud="other"))
    assert refused.returncode == 1
    assert "for audience other" in refused.stderr
    assert "event_name pull_request_target" in refused.stderr
    for wrong in ("", "two words", "no-jwt", "a.e30.c"):
        ended = ambient(granted, "--check", token=wrong)
        assert ended.returncode in (1, 64)
        assert "Traceback" not in ended.stderr


@pytest.mark.platform
@pytest.mark.parametrize("sso", [False, True], ids=["by the API server", "by the platform"])
def test_the_printed_jobs_start_a_session_on_the_platform(
    sso: bool,
    platform_programs: None,
    granted: Stack,
    forges: Forges,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With single sign-on the backend impersonates the name that the API server gives to the token."""
    if sso:
        for name, value in forges.unknown.backend_variables().items():
            monkeypatch.setenv(name, value)
    admin = forges.machine.admin()
    (job,) = jobs(USER_GITHUB).values()
    (script,) = read(USER_GITLAB)["session"]["script"]
    request = "/token?api-version=2.0"
    common = {"CURL_CA_BUNDLE": str(forges.machine.cluster.ca_file), "WORKSPACE": granted.w}

    def on_github(backend: Backend, token: str, **others: str) -> subprocess.CompletedProcess[str]:
        forges.github.more[f"{request}&audience={AUDIENCE}"] = {"value": token}
        url = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": forges.github.address + request,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner",
        }
        own = job["env"] | common | url | {"AUDIENCE": AUDIENCE, "PLATFORM": backend.url}
        return run_bash(job["steps"][0]["run"], tmp_path, {}, **own | others)

    def on_gitlab(backend: Backend, token: str, **others: str) -> subprocess.CompletedProcess[str]:
        here = script.replace("https://acp.example.com", backend.url).replace("payments", granted.w)
        return run_bash(here, tmp_path, {}, **common | {"AMBIENT_TOKEN": token} | others)

    with Backend(forges.machine.cluster, operator=True) as backend:
        monkeypatch.undo()
        made = on_github(backend, github(forges.github))
        assert made.returncode == 0, made.stdout + made.stderr
        assert json.loads(made.stdout)["name"]
        for token, others in (
            (github(forges.github), {"WORKSPACE": f"{granted.w}-b"}),
            (github(forges.github), {"AUDIENCE": "other"}),
            (github(forges.github, "refs/heads/other"), {}),
            (github(forges.github, event="pull_request_target"), {}),
        ):
            assert on_github(backend, token, **others).returncode != 0
        assert on_gitlab(backend, gitlab(forges.gitlab)).returncode != 0, "it may only view"
        session = admin.request("GET", sessions(granted))["items"]
        assert [item["spec"]["initialPrompt"] for item in session] == ["Review the last commit of this repository."]
        assert admin.request("GET", sessions(granted, f"{granted.w}-b"))["items"] == []
        granted.write(FILE.replace("id: 20, branch: main}}, role: view", "id: 20, branch: main}}, role: edit"))
        granted.up().ok()
        assert on_gitlab(backend, gitlab(forges.gitlab)).returncode == 0
        pods = f"/api/v1/namespaces/{granted.w}/pods"
        forges.machine.until(lambda: bool(admin.request("GET", pods)["items"]), "the session has a pod")

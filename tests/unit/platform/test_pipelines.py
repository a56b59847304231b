"""The user names of pipelines: one each, none like another, and readable back."""

from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.errors import BadValue
from ambient_components.platform.authentication import Issuer, issuers_of
from ambient_components.platform.pipelines import (
    GITHUB,
    GITLAB,
    ClusterPipeline,
    GitHubPipeline,
    GitLabPipeline,
    IssuerPipeline,
    Pipeline,
    PipelineKind,
    is_misspelt,
    name_prefix,
    parse_pipeline,
)
from tests.support.quick import examples

GHES = "https://ghe.example.com/_services/token"
OWN_GITLAB = "https://git.example.com:8443"

NAMES: dict[str, Pipeline] = {
    "github:acme/payments:123456@main": GitHubPipeline("acme/payments", 123456, branch="main"),
    "github:acme/payments:123456@environment:prod": GitHubPipeline("acme/payments", 123456, environment="prod"),
    "github:acme/payments:123456@environment": GitHubPipeline("acme/payments", 123456, branch="environment"),
    "github:acme/payments:123456@environment:tag:*": GitHubPipeline("acme/payments", 123456, environment="tag:*"),
    "github:acme/payments:123456@tag:*": GitHubPipeline("acme/payments", 123456, tags=True),
    "github+ghe.example.com/_services/token:acme/payments:7@main": GitHubPipeline(
        "acme/payments", 7, branch="main", issuer=GHES
    ),
    "gitlab:acme/shop/api:20@main": GitLabPipeline("acme/shop/api", 20, branch="main"),
    "gitlab:acme/shop/api:20@unprotected:main": GitLabPipeline("acme/shop/api", 20, branch="main", protected=False),
    "gitlab:acme/shop/api:20@unprotected": GitLabPipeline("acme/shop/api", 20, branch="unprotected"),
    "gitlab:acme/shop/api:20@tag:*": GitLabPipeline("acme/shop/api", 20, tags=True),
    "gitlab:acme/shop/api:20@unprotected:tag:*": GitLabPipeline("acme/shop/api", 20, tags=True, protected=False),
    "gitlab+git.example.com+8443:acme/api:20@main": GitLabPipeline("acme/api", 20, branch="main", issuer=OWN_GITLAB),
    "cluster+oidc.example.com/id/A1:ci:deployer": ClusterPipeline("https://oidc.example.com/id/A1", "ci", "deployer"),
    "issuer+agent.buildkite.com:organization:acme:pipeline:api": IssuerPipeline(
        "https://agent.buildkite.com", "organization:acme:pipeline:api"
    ),
}

OTHERS = st.sampled_from(["https://a.b", "https://a.b:1", "https://a.b/", "https://a.b/1", "https://a.b/c/"])
ISSUERS = OTHERS | st.just(GHES)
REPOSITORIES = st.sampled_from(["a/b", "a.b/1", "1/a", "a/b.c"])
PROJECTS = REPOSITORIES | st.just("a/b/c")
NUMBERS = st.sampled_from([1, 11, 2])
BRANCHES = st.sampled_from(["main", "environment", "tag", "unprotected", "a@b", "1@main", "a/b", "-x", "@"])
ACCOUNTS = st.sampled_from(["a", "a-b", "1"])
TEXTS = st.text("ab1.-_/:@+*", min_size=1, max_size=12)

# Each field with its neighbours' separators in it, as far as it may have them.
PIPELINES: st.SearchStrategy[Pipeline] = st.one_of(
    st.builds(GitHubPipeline, REPOSITORIES, NUMBERS, branch=BRANCHES, issuer=ISSUERS | st.just(GITHUB)),
    st.builds(GitHubPipeline, REPOSITORIES, NUMBERS, environment=BRANCHES | TEXTS, issuer=ISSUERS),
    st.builds(GitHubPipeline, REPOSITORIES, NUMBERS, tags=st.just(True), issuer=ISSUERS),
    st.builds(GitLabPipeline, PROJECTS, NUMBERS, BRANCHES, protected=st.booleans(), issuer=ISSUERS | st.just(GITLAB)),
    st.builds(GitLabPipeline, PROJECTS, NUMBERS, tags=st.just(True), protected=st.booleans(), issuer=ISSUERS),
    st.builds(ClusterPipeline, OTHERS, ACCOUNTS, ACCOUNTS),
    st.builds(IssuerPipeline, OTHERS, TEXTS),
)


@pytest.mark.parametrize(("name", "pipeline"), NAMES.items(), ids=NAMES)
def test_a_name_and_its_pipeline(name: str, pipeline: Pipeline) -> None:
    assert pipeline.user_name == name
    assert parse_pipeline(name) == pipeline


@given(PIPELINES)
@examples(300)
def test_every_name_reads_back_as_its_pipeline(pipeline: Pipeline) -> None:
    assert parse_pipeline(pipeline.user_name) == pipeline
    assert not pipeline.user_name.startswith("system:")


@given(PIPELINES, PIPELINES)
@examples(300)
def test_two_pipelines_have_two_names(one: Pipeline, other: Pipeline) -> None:
    assert (one.user_name == other.user_name) == (one == other)


def test_no_issuer_can_spell_the_names_of_another() -> None:
    urls = [
        GHES,
        OWN_GITLAB,
        GITHUB,
        GITLAB,
        "https://a.b",
        "https://a.b:8",
        "https://a.b:80",
        "https://a.b/",
        "https://a.b/c",
    ]
    prefixes = {name_prefix(kind, url) for kind in PipelineKind for url in urls}
    assert len(prefixes) == len(PipelineKind) * len(urls)
    assert not [(one, other) for one, other in permutations(prefixes, 2) if one.startswith(other)]


@pytest.mark.parametrize(
    "user",
    [
        "alice",
        "github:acme/payments@main",
        "github:acme/payments:007@main",
        "issuer:x",
        "cluster+a.b:ci",
        "git:a/b:1@m",
    ],
)
def test_other_users_are_no_pipelines(user: str) -> None:
    assert parse_pipeline(user) is None


REFUSED: list[tuple[Callable[[], Pipeline], str]] = [
    (lambda: GitHubPipeline("payments", 1, branch="main"), "'payments' is not a GitHub repository"),
    (lambda: GitHubPipeline("acme/payments", 0, branch="main"), "0 is not an id"),
    (lambda: GitHubPipeline("acme/payments", 1), "has no branch and no environment and no tags"),
    (lambda: GitHubPipeline("acme/payments", 1, branch="main", tags=True), "has branch and tags"),
    (lambda: GitHubPipeline("acme/payments", 1, branch="release/*"), "'release/*' is a pattern"),
    (lambda: GitHubPipeline("acme/payments", 1, branch="refs/heads/main"), "'refs/heads/main' is a ref"),
    (lambda: GitHubPipeline("acme/payments", 1, branch="environment:prod"), "'environment:prod' is not a branch"),
    (lambda: GitHubPipeline("acme/payments", 1, environment=""), "the name is empty"),
    (lambda: GitHubPipeline("acme/payments", 1, branch="m" * 250), "the name has 273 bytes"),
    (lambda: GitHubPipeline("acme/payments", 1, branch="main", issuer="http://a.b"), "'http://a.b' is not an issuer"),
    (lambda: GitLabPipeline("payments", 1, branch="main"), "'payments' is not a GitLab project"),
    (lambda: ClusterPipeline(GITLAB, "ci", "deployer"), "'https://gitlab.com' is the issuer of another kind"),
    (lambda: ClusterPipeline("https://a.b", "CI", "deployer"), "'CI' is not a namespace"),
    (lambda: ClusterPipeline(GHES, "ci", "x"), f"{GHES!r} is the issuer of another kind"),
    (lambda: IssuerPipeline(f"{GITHUB}/acme", "s"), f"'{GITHUB}/acme' is the issuer of another kind"),
    (
        lambda: IssuerPipeline("https://token.actions.acme.ghe.com", "s"),
        "'https://token.actions.acme.ghe.com' is the issuer of another kind",
    ),
    (
        lambda: ClusterPipeline("https://kubernetes.default.svc.cluster.local", "ci", "x"),
        "'https://kubernetes.default.svc.cluster.local' is what many clusters call themselves",
    ),
    (lambda: IssuerPipeline("https://a.b?x", "s"), "'https://a.b?x' is not an issuer"),
]


@pytest.mark.parametrize(("make", "problem"), REFUSED, ids=[problem for _, problem in REFUSED])
def test_what_is_refused(make: Callable[[], Pipeline], problem: str) -> None:
    with pytest.raises(BadValue) as refused:
        make()
    assert refused.value.problem == problem
    assert refused.value.hints


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("github:acme/payments:123456@refs/x", True),
        ("gitlab+git.example.com:acme/api:20@", True),
        ("aks:jwt:github:acme/payments:123456@refs/x", True),
        ("issuer+token.actions.githubusercontent.com:x", True),
        ("github:acme/payments:123456@-x", False),
        ("aks:jwt:github:acme/payments:123456@main", False),
        ("github", False),
        ("githubber:alice", False),
    ],
)
def test_a_name_that_a_job_could_have_and_no_grant_names(user: str, *, expected: bool) -> None:
    assert is_misspelt(user) is expected


def test_issuers_are_the_same_for_all_their_pipelines() -> None:
    assert issuers_of(NAMES.values()) == (
        Issuer("https://agent.buildkite.com", IssuerPipeline),
        Issuer(GHES, GitHubPipeline),
        Issuer(OWN_GITLAB, GitLabPipeline),
        Issuer(GITLAB, GitLabPipeline),
        Issuer("https://oidc.example.com/id/A1", ClusterPipeline),
        Issuer(GITHUB, GitHubPipeline),
    )


def test_an_issuer_has_one_kind() -> None:
    with pytest.raises(BadValue, match=r"'https://a\.b' is the issuer of cluster and of issuer"):
        issuers_of([ClusterPipeline("https://a.b", "ci", "deployer"), IssuerPipeline("https://a.b", "x")])
